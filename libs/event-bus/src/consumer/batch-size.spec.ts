import { BatchSize } from './batch-size.js';

describe('BatchSize', () => {
  it('shrinks to what fits into a second and grows back step by step', () => {
    const size = new BatchSize(200);
    size.took(200, 20_000);
    expect(size.current).toBe(10);
    size.took(10, 10);
    expect(size.current).toBe(20);
    for (let i = 0; i < 10; i++) size.took(size.current, 1);
    expect(size.current).toBe(200);
  });

  it('lets several partitions share half of it, and only one event when events are slow', () => {
    const size = new BatchSize(200);
    expect(size.shared).toBe(100);
    size.took(1, 300);
    expect(size.shared).toBe(1);
  });

  it('is never less than one event, and ignores empty batches', () => {
    const size = new BatchSize(100);
    size.took(1, 60_000);
    expect(size.current).toBe(1);
    size.failed();
    size.took(0, 1);
    expect(size.current).toBe(1);
  });
});
