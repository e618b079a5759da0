"""The notation of networks: the papers' short text, and further fields as ``-key=value``; format and parse.

MgNet[2,2]-[(32,48),(64,64)]-A^{l,i}-B^l     smoothing iterations, widths (c_u, c_f), sharing
MgNet[2,2]-64-A-B                            A and B shared over the whole network
MgNet[2,2]-64-B^l-smoother=two_step(weights=chebyshev)-kernel_b=5
ResNet18-A^l-B^{l,i}                         a classical depth; also ResNet[2,2,2,2]-[64,128,256,512]
"""
