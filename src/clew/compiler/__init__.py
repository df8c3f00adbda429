"""The compiler: graphs to native code. It alone knows LLVM."""
