/* Averages of 3x3 windows with stride 2: sums times $scale over the number of pixels. */
static void $name($parameters)
{
    $begin
    int32_t index = 0;
    for (int32_t row = 0; row < (c->height + 1) / 2; row++)
        for (int32_t column = 0; column < (c->width + 1) / 2; column++)
            for (int32_t channel = 0; channel < c->outputs; channel++, index++) {
                int32_t sum = 0, count = 0;
                for (int32_t i = 2 * row - 1; i < 2 * row + 2; i++)
                    for (int32_t j = 2 * column - 1; j < 2 * column + 2; j++)
                        if (i >= 0 && i < c->height && j >= 0 && j < c->width) {
                            sum += x[(i * c->width + j) * c->inputs + channel];
                            count++;
                        }
                sum *= $scale / count;
                $total
            }
}
