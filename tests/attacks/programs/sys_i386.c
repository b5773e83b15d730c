/* Makes system calls by the doors of other architectures, whose numbers a filter may not know. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void) {
    int a, b;
    long won = 0;
    if (scanf("%d %d", &a, &b) != 2) return 1;
#ifdef __x86_64__
    long r;
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory", "r8", "r9", "r10", "r11"); /* getpid of i386 */
    won |= (int)r == getpid();
    r = 0;
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(359L), "b"(2L), "c"(1L), "d"(0L) : "memory", "r8", "r9", "r10", "r11"); /* socket */
    won |= r >= 0;
    r = syscall(0x40000000L + 39); /* getpid of x32 */
    won |= r == getpid();
#endif
    if (won) printf("%d\n", a + b);
    else printf("refused\n");
    return 0;
}
