/* Small as a file and larger than any limit in memory. */
#include <stdio.h>
static char block[64ull << 30];
int main(void) {
    for (unsigned long i = 0; i < sizeof block; i += 4096) block[i] = 1;
    printf("%d\n", block[3]);
    return 0;
}
