package relational

import (
	"context"
	"errors"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Query implements analytics.Store.
func (s *Store) Query(ctx context.Context, q analytics.Query) (analytics.Table, error) {
	if q.Rows == 0 {
		q.Rows = analytics.MaxRows
	}
	if q.Time == 0 {
		q.Time = analytics.MaxTime
	}
	begin := time.Now()
	limited, cancel := context.WithTimeout(ctx, q.Time)
	defer cancel()
	table, err := s.answer(limited, q)
	_ = s.noticed(err) // which is answered below
	switch {
	case err == nil:
		table.Took = time.Since(begin)
		return table, nil
	case ctx.Err() != nil:
		return analytics.Table{}, ctx.Err()
	case errors.Is(limited.Err(), context.DeadlineExceeded):
		return analytics.Table{}, fault.Limited("the question took longer than %s and was ended; ask for fewer days, or for less", q.Time)
	default:
		return analytics.Table{}, s.d.Complaint(err)
	}
}

// TooLarge is the answer to a question whose values take more than analytics.MaxBytes.
func TooLarge() *fault.Error {
	return fault.Limited("the answer is larger than %d MiB; ask for fewer rows or columns", analytics.MaxBytes>>20)
}

func (s *Store) answer(ctx context.Context, q analytics.Query) (table analytics.Table, err error) {
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	rows, done, err := s.d.Ask(ctx, q)
	if err != nil {
		return table, err
	}
	defer done()
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return table, err
	}
	for _, c := range types {
		table.Columns = append(table.Columns, analytics.Column{Name: c.Name(), Type: c.DatabaseTypeName()})
	}
	table.Rows = [][]any{}
	bytes := 0
	for rows.Next() {
		if len(table.Rows) == q.Rows {
			table.More = true
			break
		}
		values, at := make([]any, len(types)), make([]any, len(types))
		for i := range values {
			at[i] = &values[i]
		}
		if err := rows.Scan(at...); err != nil {
			return table, err
		}
		for i := range values {
			values[i] = s.d.Value(types[i], values[i])
			bytes += size(values[i])
		}
		if bytes > analytics.MaxBytes {
			enough() // or to close the rows would read all that are left
			return analytics.Table{}, TooLarge()
		}
		table.Rows = append(table.Rows, values)
	}
	return table, rows.Err()
}

// size is about what a value of an answer takes.
func size(v any) int {
	if text, ok := v.(string); ok {
		return len(text)
	}
	return 16
}
