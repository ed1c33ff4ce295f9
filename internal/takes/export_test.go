package takes

import "context"

// RunUntilCrash is Run without its farewell: what is not written down when ctx ends is lost.
func (m *Memory) RunUntilCrash(ctx context.Context) {
	w := newBatch(m)
	for ctx.Err() == nil {
		select {
		case <-m.urgent:
		case <-m.dirty:
			m.lull(ctx)
		case <-ctx.Done():
			return
		}
		_ = w.write(ctx)
	}
}
