// Recurses for ever, every frame written to.
#include <cstdio>
int f(volatile char *p) { volatile char here[4096]; here[0] = p[0] + 1; return f(here) + here[1]; }
int main() { char c = 0; std::printf("%d\n", f(&c)); }
