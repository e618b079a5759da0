typedef struct {
    uint16_t height, width, inputs;    /* source, H W C */
    uint16_t outputs, groups, reserved;
    uint8_t kernel, stride;
    uint8_t shift, unit;               /* shifts of the result and of the biases */
    uint32_t weights, table;           /* places in weights and tables */
} layer;

static const layer layers[$num_layers] = {
$layers
};

/* Signed shifts must be arithmetic, as in every common compiler. */
typedef char net_shifts_are_arithmetic[(-1 >> 1) == -1 ? 1 : -1];
typedef char net_flash_bytes_are_exact[
    sizeof(weights) + sizeof(tables) + sizeof(layers) + sizeof(mean_pixel) == NET_FLASH_BYTES ? 1 : -1];
typedef char net_sram_bytes_are_exact[sizeof(arena) + sizeof(patch) == NET_SRAM_BYTES ? 1 : -1];
