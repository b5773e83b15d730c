// Directives that would run or read something else at build time: none may have an effect.
#pragma GCC poison nothing
#pragma GCC dependency "/etc/hostname"
#pragma comment(lib, "/tmp/assay_escape.so")
#include <cstdio>
__asm__(".section .note.GNU-stack,\"x\"\n.previous");
__attribute__((section(".init_array"))) void (*early)() = [] { std::fclose(std::fopen("/tmp/assay_escape_init", "w")); };
__attribute__((ifunc("pick"))) int chosen();
extern "C" { static int zero() { return 0; } int (*pick())() { return zero; } }
int main() { std::puts("linked"); return chosen(); }
