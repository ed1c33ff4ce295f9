package archive

import "github.com/slipwayhq/slipway/internal/analytics"

// merging puts the events of a day, and the failed events between them, into batches in the order of the log: a store passes over what is at or below its position, so that the two cannot come one after the
// other.
type merging struct {
	after uint64
	fn    func(analytics.Batch) error
	next  func() (analytics.Failed, error, bool)
	held  *analytics.Failed // the next failed event, which is behind the last event
	over  bool
	batch analytics.Batch
	bytes int
}

// event adds an event, and the failed events before it.
func (m *merging) event(rec *record) error {
	if uint64(rec.Seq) <= m.after {
		return nil
	}
	if err := m.before(uint64(rec.Seq)); err != nil {
		return err
	}
	if err := m.room(); err != nil {
		return err
	}
	m.batch.Rows = append(m.batch.Rows, rec.row())
	m.batch.Through, m.bytes = uint64(rec.Seq), m.bytes+rec.size()
	return nil
}

// end adds the failed events behind the last event, and hands on the rest.
func (m *merging) end(through uint64) error {
	if err := m.before(through + 1); err != nil {
		return err
	}
	m.batch.Through = through
	return m.fn(m.batch)
}

// before adds the failed events that come before a sequence.
func (m *merging) before(sequence uint64) error {
	for !m.over {
		if m.held == nil {
			f, err, ok := m.next()
			if err != nil {
				return err
			}
			if !ok {
				m.over = true
				return nil
			}
			m.held = &f
		}
		if m.held.Sequence >= sequence {
			return nil
		}
		if m.held.Sequence > m.after {
			if err := m.room(); err != nil {
				return err
			}
			m.batch.Failed = append(m.batch.Failed, *m.held)
			m.batch.Through, m.bytes = m.held.Sequence, m.bytes+len(m.held.Raw)+len(m.held.Message)
		}
		m.held = nil
	}
	return nil
}

// room hands on a batch that is full.
func (m *merging) room() error {
	if len(m.batch.Rows)+len(m.batch.Failed) < batchRows && m.bytes < batchBytes {
		return nil
	}
	batch := m.batch
	m.batch, m.bytes = analytics.Batch{}, 0
	return m.fn(batch)
}
