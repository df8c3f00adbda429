"""What the rows compute, in the words of each peer: one module each, the same names in all.

A function of a row whose parameters move takes them as a dict first; one of a row that asks for value and gradients takes
them one by one. Either may be a class instead, made of the parameters' arrays, which keeps them its own way: it has
``parameters()``, is called with the data, and tells by ``given(read)`` what ``read`` finds in each, in the row's layout.
"""
