/* Collects the inputs of one output pixel, group by group. */
static void $name(const $type *x, const layer *c, int32_t row, int32_t column)
{
    const int32_t top = row * c->stride - c->kernel / 2, left = column * c->stride - c->kernel / 2;
    const int32_t inputs = c->inputs / c->groups;
    int32_t at = 0;
    for (int32_t group = 0; group < c->groups; group++)
        for (int32_t i = top; i < top + c->kernel; i++)
            for (int32_t j = left; j < left + c->kernel; j++) {
                const int is_inside = i >= 0 && i < c->height && j >= 0 && j < c->width;
                const int32_t from = is_inside ? (i * c->width + j) * c->inputs + group * inputs : 0;
                for (int32_t channel = 0; channel < inputs; channel++)
                    patch[at++] = (int16_t)(is_inside ? x[from + channel] : 0);
            }
}
