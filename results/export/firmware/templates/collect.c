/* Collects the inputs of one output pixel, row by row. */
static void $name(const $type *x, const layer *c, int32_t row, int32_t column)
{
    const int32_t top = row * c->stride - c->kernel / 2, left = column * c->stride - c->kernel / 2;
    const int32_t first = left < 0 ? 0 : left;
    const int32_t end = left + c->kernel > c->width ? c->width : left + c->kernel;
    int32_t at = 0;
    for (int32_t i = top; i < top + c->kernel; i++) {
        const int is_inside = i >= 0 && i < c->height;
        for (int32_t j = left; j < (is_inside ? first : left + c->kernel); j++)
            for (int32_t channel = 0; channel < c->inputs; channel++)
                patch[at++] = $outside;
        if (!is_inside)
            continue;
        const $type *from = x + (i * c->width + first) * c->inputs;
        const int32_t count = (end - first) * c->inputs;
        for (int32_t k = 0; k < count; k++)
            patch[at + k] = from[k];
        at += count;
        for (int32_t j = end; j < left + c->kernel; j++)
            for (int32_t channel = 0; channel < c->inputs; channel++)
                patch[at++] = $outside;
    }
}
