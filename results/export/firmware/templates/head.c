static void $name($parameters)
{
    $begin
    for (int32_t i = 0; i < c->inputs; i++)
        patch[i] = x[i];
    for (int32_t o = 0; o < c->outputs; o += 4) {
        const int32_t count = c->outputs - o < 4 ? c->outputs - o : 4;
        int32_t sums[4];
        dots(patch, weights + c->weights + o * c->inputs, c->inputs, count, sums);
        for (int32_t k = 0; k < count; k++) {
            const int32_t channel = o + k, index = channel;
            $total
        }
    }
}
