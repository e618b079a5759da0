static void move_down(int32_t from, int32_t to, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        arena[to + i] = arena[from + i];
}
