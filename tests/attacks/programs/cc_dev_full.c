/* An assembler's include without end. */
__asm__(".incbin \"/dev/zero\"");
int main(void) { return 0; }
