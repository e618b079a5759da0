static void $name($parameters)
{
    $begin
    const int32_t pixels = c->height * c->width;
    int32_t index = 0;
    for (int32_t pixel = 0; pixel < pixels; pixel++)
        for (int32_t channel = 0; channel < c->outputs; channel++, index++) {
            $total
        }
}
