/* Includes what the compiler's standard input is: another's data, or a wait for ever. */
#include "/dev/stdin"
#include "/proc/self/fd/0"
#include "/proc/self/fd/3"
int main(void) { return 0; }
