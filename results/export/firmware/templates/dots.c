/* Inner products of the patch with the weights of up to four output channels. */
static void dots(const int16_t *x, const int8_t *w, int32_t n, int32_t channels, int32_t *sums)
{
    if (channels == 4) {
        const int8_t *w1 = w + n, *w2 = w1 + n, *w3 = w2 + n;
        int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        for (int32_t i = 0; i < n; i++) {
            const int32_t value = x[i];
            s0 += value * w[i];
            s1 += value * w1[i];
            s2 += value * w2[i];
            s3 += value * w3[i];
        }
        sums[0] = s0;
        sums[1] = s1;
        sums[2] = s2;
        sums[3] = s3;
        return;
    }
    for (int32_t channel = 0; channel < channels; channel++, w += n) {
        int32_t sum = 0;
        for (int32_t i = 0; i < n; i++)
            sum += (int32_t)x[i] * w[i];
        sums[channel] = sum;
    }
}
