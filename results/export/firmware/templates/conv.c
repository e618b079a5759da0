static void $name($parameters)
{
    $begin
    const int32_t rows = (c->height + c->stride - 1) / c->stride, columns = (c->width + c->stride - 1) / c->stride;
    const int32_t per_group = c->outputs / c->groups;
    const int32_t n = c->kernel * c->kernel * (c->inputs / c->groups);
    int32_t index = 0;
    for (int32_t row = 0; row < rows; row++)
        for (int32_t column = 0; column < columns; column++) {
            int32_t channel = 0;
            $collect(x, c, row, column);
            for (int32_t group = 0; group < c->groups; group++)
                for (int32_t o = 0; o < per_group; o += 4) {
                    const int32_t count = per_group - o < 4 ? per_group - o : 4;
                    int32_t sums[4];
                    dots(patch + group * n, weights + c->weights + channel * n, n, count, sums);
                    for (int32_t k = 0; k < count; k++, channel++, index++) {
                        $total
                    }
                }
        }
}
