/* Signed shifts must be arithmetic, as in every common compiler. */
typedef char net_shifts_are_arithmetic[(-1 >> 1) == -1 ? 1 : -1];
typedef char net_flash_bytes_are_exact[($flash_sum) == NET_FLASH_BYTES ? 1 : -1];
typedef char net_sram_bytes_are_exact[sizeof(arena) + sizeof(patch) == NET_SRAM_BYTES ? 1 : -1];

typedef struct {
    int32_t height, width, inputs;             /* source, H W C */
    int32_t out_height, out_width, outputs;    /* result, H W C */
    int32_t kernel, stride, groups;
    const int8_t *weights;                     /* O kernel kernel C/groups */
    const int32_t *a, *e, *b;                  /* multipliers and biases of each output channel */
    int64_t unit;                              /* unit of b */
    int32_t m0, m1;                            /* multipliers of the added tensors */
    int32_t shift;
} layer;

static int64_t rounded(int64_t total, int32_t shift)
{
    return (total + ((int64_t)1 << (shift - 1))) >> shift;
}
