package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// failedRecord is a row of a file of failed events. Its columns are those of the relation failed.
type failedRecord struct {
	Seq         int64  `parquet:"seq,delta"`
	Received    int64  `parquet:"received,timestamp(microsecond:local),delta"`
	Environment string `parquet:"environment,dict"`
	Source      string `parquet:"source,dict"`
	Dialect     string `parquet:"dialect,dict"`
	Kind        string `parquet:"kind,dict"`
	Reason      string `parquet:"reason,dict"`
	Message     string `parquet:"message"`
	Raw         string `parquet:"raw"`
	State       string `parquet:"state,dict"`
	Changed     *int64 `parquet:"changed,optional,timestamp(microsecond:local)"`
}

func failedRecordOf(f analytics.Failed) failedRecord {
	rec := failedRecord{
		Seq: int64(f.Sequence), Received: f.Received.UnixMicro(), Environment: f.Environment, Source: f.Source, Dialect: string(f.Dialect), Kind: string(f.Kind), Reason: string(f.Reason),
		Message: f.Message, Raw: string(f.Raw), State: string(f.State),
	}
	if !f.Changed.IsZero() {
		t := f.Changed.UnixMicro()
		rec.Changed = &t
	}
	return rec
}

// failed makes a failed event that shares nothing with the file's pages.
func (rec *failedRecord) failed() analytics.Failed {
	f := analytics.Failed{Sequence: uint64(rec.Seq), State: analytics.FailedState(strings.Clone(rec.State)), Failed: capture.Failed{
		Failure: capture.Failure{Reason: capture.Reason(strings.Clone(rec.Reason)), Message: strings.Clone(rec.Message), Raw: []byte(rec.Raw)},
		Dialect: capture.Dialect(strings.Clone(rec.Dialect)), Kind: capture.Kind(strings.Clone(rec.Kind)), Environment: strings.Clone(rec.Environment), Source: strings.Clone(rec.Source),
		Received: time.UnixMicro(rec.Received).UTC(),
	}}
	if rec.Changed != nil {
		f.Changed = time.UnixMicro(*rec.Changed).UTC()
	}
	return f
}

func (rec *failedRecord) size() int { return 256 + len(rec.Message) + len(rec.Raw) }

func (rec *failedRecord) append(b []byte) []byte {
	b = appendNumbers(b, rec.Seq, rec.Received, optional(rec.Changed))
	return appendTexts(b, rec.Environment, rec.Source, rec.Dialect, rec.Kind, rec.Reason, rec.Message, rec.Raw, rec.State)
}

// FailedFiles are an app's files of failed events, oldest first.
func (a *Archive) FailedFiles(ctx context.Context, app string) ([]File, error) {
	return a.heads(ctx, app, true)
}

// failedIn reads the failed events of a range of the log from a store, a few at a time.
func failedIn(ctx context.Context, store analytics.Store, f File, fn func([]failedRecord) error) error {
	for after := f.After; ; {
		some, err := store.Failed(ctx, analytics.FailedFilter{After: after, Limit: failedAtOnce})
		if err != nil {
			return err
		}
		var records []failedRecord
		for _, one := range some {
			if one.Sequence <= f.Through {
				records = append(records, failedRecordOf(one))
			}
		}
		if err := fn(records); err != nil || len(records) < failedAtOnce {
			return err
		}
		after = some[len(some)-1].Sequence
	}
}

// failedAtOnce is how many failed events are read from a store at once.
const failedAtOnce = 500

// keepAllFailed looks at the failed events of each day whose events are archived, unless they are as they were when it looked last.
func (a *Archive) keepAllFailed(ctx context.Context, app string, store analytics.Store, days []File) error {
	counts, err := store.FailedCounts(ctx)
	if err != nil {
		return err
	}
	now := fmt.Sprint(counts, len(days))
	a.state.Lock()
	same := a.failed[app] == now
	a.state.Unlock()
	if same {
		return nil
	}
	at, err := store.Position(ctx)
	if err != nil {
		return err
	}
	for _, f := range days {
		if f.Through > at { // it is still being filled
			continue
		}
		if err := a.keepFailed(ctx, store, f); err != nil {
			return fmt.Errorf("archive the failed events of %s of %s: %w", app, f.Day.Format(time.DateOnly), err)
		}
	}
	a.state.Lock()
	defer a.state.Unlock()
	a.failed[app] = now
	return nil
}

// keepFailed archives the failed events of the log's range that a file of events has, where that was not done, or where since then some were repaired or dropped. A store that has fewer than
// the file does not take its place: they may be on their way out, or be still to be filled in.
func (a *Archive) keepFailed(ctx context.Context, store analytics.Store, f File) error {
	a.writing.Lock()
	defer a.writing.Unlock()
	f.Failed = true
	sum, n := newDigest(), int64(0)
	err := failedIn(ctx, store, f, func(some []failedRecord) error {
		n += int64(len(some))
		for i := range some {
			sum.add(&some[i])
		}
		return nil
	})
	if err != nil || n == 0 {
		return err
	}
	switch head, err := a.head(ctx, f); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case head.After == f.After && head.Through == f.Through && (head.Digest == sum.String() || n < head.Events):
		return nil
	}
	if f, err = write(ctx, a, f, func(add func([]failedRecord) error) error { return failedIn(ctx, store, f, add) }); err != nil {
		return err
	}
	a.opts.Logger.Info("the failed events of a day are archived", "app", f.App, "day", f.Day.Format(time.DateOnly), "failed", f.Events)
	return nil
}

// forgetFailed removes what names a person from a file of failed events.
func (a *Archive) forgetFailed(ctx context.Context, f File, user string) error {
	in, err := a.checked(ctx, f)
	if err != nil {
		return err
	}
	defer in.Close()
	named := func(rec *failedRecord) bool { return analytics.Names([]byte(rec.Raw), user) }
	gone, kept := 0, 0
	err = readRecords(in, in.Size(), func(some []failedRecord) error {
		for i := range some {
			if named(&some[i]) {
				gone++
			} else {
				kept++
			}
		}
		return ctx.Err()
	})
	if err != nil || gone == 0 {
		return err
	}
	if kept == 0 {
		return a.opts.Place.Remove(ctx, f.name())
	}
	head, err := readHead(in, in.Size())
	if err != nil {
		return err
	}
	_, err = write(ctx, a, head, func(add func([]failedRecord) error) error {
		return readRecords(in, in.Size(), func(some []failedRecord) error {
			var left []failedRecord
			for i := range some {
				if !named(&some[i]) {
					left = append(left, some[i])
				}
			}
			return errors.Join(ctx.Err(), add(left))
		})
	})
	if err != nil {
		return fmt.Errorf("write %s without a person who is forgotten: %w", f.name(), err)
	}
	return nil
}

// errEnough ends a reading of which no more is wanted.
var errEnough = errors.New("no more is wanted")

// failedOf gives the failed events of a day's file one by one; those of a day without such a file are none. What fails is told by the last pair.
func (a *Archive) failedOf(ctx context.Context, day File) iter.Seq2[analytics.Failed, error] {
	return func(yield func(analytics.Failed, error) bool) {
		in, err := a.checked(ctx, File{App: day.App, Day: day.Day, Failed: true})
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			yield(analytics.Failed{}, err)
			return
		}
		defer in.Close()
		err = readRecords(in, in.Size(), func(some []failedRecord) error {
			for i := range some {
				if !yield(some[i].failed(), nil) {
					return errEnough
				}
			}
			return ctx.Err()
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(analytics.Failed{}, err)
		}
	}
}
