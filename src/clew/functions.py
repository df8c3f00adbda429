"""The namespace: the array functions on tensors, NumPy arrays, nested lists and Python scalars alike."""

from __future__ import annotations

from typing import Any

from .array import (
    creation,
    dtypes,
    functional,
    indexing,
    linear_algebra,
    manipulation,
    searching,
    spatial,
    statistics,
)
from .array import elementwise as el
from .array import softmax as soft
from .ir import Dtype
from .tensor import lift, opened

# New arrays
asarray = lift(creation.asarray)
from_dlpack = lift(creation.from_dlpack)
arange = lift(creation.arange)
linspace = lift(creation.linspace)
full = lift(creation.full)
zeros = lift(creation.zeros)
ones = lift(creation.ones)
empty = lift(creation.empty)
full_like = lift(creation.full_like)
zeros_like = lift(creation.zeros_like)
ones_like = lift(creation.ones_like)
empty_like = lift(creation.empty_like)
eye = lift(creation.eye)
meshgrid = lift(creation.meshgrid)
tril = lift(creation.tril)
triu = lift(creation.triu)

# Elementwise
add = lift(el.add)
subtract = lift(el.subtract)
multiply = lift(el.multiply)
divide = lift(el.divide)
negative = lift(el.negative)
reciprocal = lift(el.reciprocal)
square = lift(el.square)
sqrt = lift(el.sqrt)
rsqrt = lift(el.rsqrt)
abs = lift(el.abs)
sign = lift(el.sign)
floor_divide = lift(el.floor_divide)
remainder = lift(el.remainder)
pow = lift(el.pow)
maximum = lift(el.maximum)
minimum = lift(el.minimum)
copysign = lift(el.copysign)
nextafter = lift(el.nextafter)
hypot = lift(el.hypot)
exp = lift(el.exp)
expm1 = lift(el.expm1)
log = lift(el.log)
log1p = lift(el.log1p)
log2 = lift(el.log2)
log10 = lift(el.log10)
logaddexp = lift(el.logaddexp)
xlogy = lift(el.xlogy)
erf = lift(el.erf)
sigmoid = lift(el.sigmoid)
softplus = lift(el.softplus)
sin = lift(el.sin)
cos = lift(el.cos)
tan = lift(el.tan)
asin = lift(el.asin)
acos = lift(el.acos)
atan = lift(el.atan)
atan2 = lift(el.atan2)
sinh = lift(el.sinh)
cosh = lift(el.cosh)
tanh = lift(el.tanh)
asinh = lift(el.asinh)
acosh = lift(el.acosh)
atanh = lift(el.atanh)
floor = lift(el.floor)
ceil = lift(el.ceil)
trunc = lift(el.trunc)
round = lift(el.round)
equal = lift(el.equal)
not_equal = lift(el.not_equal)
less = lift(el.less)
less_equal = lift(el.less_equal)
greater = lift(el.greater)
greater_equal = lift(el.greater_equal)
logical_and = lift(el.logical_and)
logical_or = lift(el.logical_or)
logical_xor = lift(el.logical_xor)
logical_not = lift(el.logical_not)
isnan = lift(el.isnan)
isinf = lift(el.isinf)
isfinite = lift(el.isfinite)
signbit = lift(el.signbit)
bitwise_and = lift(el.bitwise_and)
bitwise_or = lift(el.bitwise_or)
bitwise_xor = lift(el.bitwise_xor)
bitwise_invert = lift(el.bitwise_invert)
bitwise_left_shift = lift(el.bitwise_left_shift)
bitwise_right_shift = lift(el.bitwise_right_shift)
positive = lift(el.positive)
where = lift(el.where)
clip = lift(el.clip)

# Shape
reshape = lift(manipulation.reshape)
ravel = lift(manipulation.ravel)
flatten = lift(manipulation.flatten)
permute_dims = lift(manipulation.permute_dims)
transpose = lift(manipulation.transpose)
matrix_transpose = lift(manipulation.matrix_transpose)
swapaxes = lift(manipulation.swapaxes)
moveaxis = lift(manipulation.moveaxis)
expand_dims = lift(manipulation.expand_dims)
squeeze = lift(manipulation.squeeze)
flip = lift(manipulation.flip)
roll = lift(manipulation.roll)
concat = lift(manipulation.concat)
stack = lift(manipulation.stack)
unstack = lift(manipulation.unstack)
split = lift(manipulation.split)
tile = lift(manipulation.tile)
repeat = lift(manipulation.repeat)
broadcast_to = lift(manipulation.broadcast_to)
broadcast_arrays = lift(manipulation.broadcast_arrays)
pad = lift(manipulation.pad)

# Indexing
getitem = lift(indexing.getitem)
set_at = lift(indexing.set_at)
add_at = lift(indexing.add_at)
take = lift(indexing.take)
take_along_axis = lift(indexing.take_along_axis)
one_hot = lift(indexing.one_hot)

# Statistics
sum = lift(statistics.sum)
prod = lift(statistics.prod)
max = lift(statistics.max)
min = lift(statistics.min)
mean = lift(statistics.mean)
var = lift(statistics.var)
std = lift(statistics.std)
any = lift(statistics.any)
all = lift(statistics.all)
count_nonzero = lift(statistics.count_nonzero)
argmax = lift(statistics.argmax)
argmin = lift(statistics.argmin)
cumulative_sum = lift(statistics.cumulative_sum)
cumulative_prod = lift(statistics.cumulative_prod)
diff = lift(statistics.diff)
logsumexp = lift(statistics.logsumexp)
vector_norm = lift(statistics.vector_norm)
norm = lift(statistics.norm)

# Products
matmul = lift(linear_algebra.matmul)
dot = lift(linear_algebra.dot)
tensordot = lift(linear_algebra.tensordot)
vecdot = lift(linear_algebra.vecdot)
einsum = lift(linear_algebra.einsum)
outer = lift(linear_algebra.outer)
diagonal = lift(linear_algebra.diagonal)

# Sorting, searching, sets
sort = lift(searching.sort)
argsort = lift(searching.argsort)
topk = lift(searching.topk)
searchsorted = lift(searching.searchsorted)
isin = lift(searching.isin)
nonzero = lift(searching.nonzero)
unique_all = lift(searching.unique_all)
unique_counts = lift(searching.unique_counts)
unique_inverse = lift(searching.unique_inverse)
unique_values = lift(searching.unique_values)

# Dtypes
astype = lift(dtypes.astype)

# Softmax
softmax = lift(soft.softmax)
log_softmax = lift(soft.log_softmax)

# Activations
relu = lift(functional.relu)
leaky_relu = lift(functional.leaky_relu)
elu = lift(functional.elu)
silu = lift(functional.silu)
gelu = lift(functional.gelu)
dropout = lift(functional.dropout)

# Convolution and pooling
conv = lift(spatial.conv)
conv_transpose = lift(spatial.conv_transpose)
max_pool = lift(spatial.max_pool)
avg_pool = lift(spatial.avg_pool)


def result_type(*arrays_and_dtypes: Any) -> Dtype:
    """The dtype that arrays, dtypes and Python scalars promote to.

    >>> import clew as cl
    >>> cl.result_type(cl.float32, cl.int64, 1.0)
    dtype('float32')
    """
    return dtypes.result_type(*[opened(x) for x in arrays_and_dtypes])
