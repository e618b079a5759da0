static void $name($parameters)
{
    $begin
    const int32_t pixels = c->height * c->width;
    for (int32_t index = 0; index < c->outputs; index++) {
        int32_t sum = 0;
        for (int32_t pixel = 0; pixel < pixels; pixel++)
            sum += x[pixel * c->outputs + index];
        $total
    }
}
