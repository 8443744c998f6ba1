/** Uses one core until the bench ends it, so that a measurement shows how the services behave on a busy machine. */
for (;;);
