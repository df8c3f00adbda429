"""The graph language: types, values, ops (abstract), graphs and their text form."""

from .graph import Graph as Graph
from .graph import rebuild as rebuild
from .graph import substitute as substitute
from .op import INPUT as INPUT
from .op import Op as Op
from .op import constant as constant
from .op import parameter as parameter
from .op import quiet as quiet
from .op import recording as recording
from .site import Site as Site
from .site import here as here
from .site import scope as scope
from .types import DTYPES as DTYPES
from .types import FLOATS as FLOATS
from .types import INTEGERS as INTEGERS
from .types import NAMES as NAMES
from .types import Array as Array
from .types import Dtype as Dtype
from .types import Shape as Shape
from .types import Type as Type
from .types import f32 as f32
from .types import f64 as f64
from .value import Label as Label
from .value import Value as Value
from .value import toposort as toposort
