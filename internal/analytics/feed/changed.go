package feed

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
)

// What became of failed events is in their store alone, but for what the archive had of it when it looked last. So that a store which is made anew has it again, it is kept in a file beside the mark until the store is
// behind all of them.

// changed is what became of a failed event.
type changed struct {
	Sequence uint64                `json:"sequence"`
	State    analytics.FailedState `json:"state"`
	Changed  time.Time             `json:"changed"`
}

// changedIn is the file of an app.
func changedIn(mark, app string) string { return mark + changedSuffix + app }

const changedSuffix = ".failed."

// changedAtOnce is how many failed events are read from a store at once.
const changedAtOnce = 500

// keepChanged writes down what became of the failed events of an app, and what was written down before and is not in its store yet.
func (f *Feeder) keepChanged(ctx context.Context, app string) error {
	store, err := f.opts.Engine.Store(ctx, app)
	if err != nil {
		return err
	}
	at, err := store.Position(ctx)
	if err != nil {
		return err
	}
	all, err := readChanged(changedIn(f.opts.Mark, app))
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(c changed) bool { return c.Sequence <= at })
	for _, state := range []analytics.FailedState{analytics.Repaired, analytics.Dropped} {
		for after := uint64(0); ; {
			some, err := store.Failed(ctx, analytics.FailedFilter{State: state, After: after, Limit: changedAtOnce})
			if err != nil {
				return err
			}
			for _, one := range some {
				all = append(all, changed{one.Sequence, state, one.Changed})
			}
			if len(some) < changedAtOnce {
				break
			}
			after = some[len(some)-1].Sequence
		}
	}
	slices.SortFunc(all, bySequence)
	return writeChanged(changedIn(f.opts.Mark, app), all)
}

func bySequence(a, b changed) int { return cmp.Compare(a.Sequence, b.Sequence) }

// writeChanged is on disk when it returns, but for the folder.
func writeChanged(path string, all []changed) (err error) {
	file, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("keep what became of failed events: %w", err)
	}
	w := bufio.NewWriter(file)
	to := json.NewEncoder(w)
	for _, c := range all {
		err = errors.Join(err, to.Encode(c))
	}
	if err = errors.Join(err, w.Flush(), file.Sync(), file.Close()); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("keep what became of failed events: %w", err)
	}
	return nil
}

func readChanged(path string) (all []changed, err error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what became of failed events: %w", err)
	}
	defer file.Close()
	for from := json.NewDecoder(bufio.NewReader(file)); from.More(); {
		var c changed
		if err := from.Decode(&c); err != nil {
			return nil, fmt.Errorf("read what became of failed events from %s: %w", path, err)
		}
		all = append(all, c)
	}
	return all, nil
}

// readChanged reads the files of all apps. One that cannot be read holds up no events.
func (f *Feeder) readChanged() error {
	beside, err := os.ReadDir(filepath.Dir(f.opts.Mark))
	if err != nil {
		return fmt.Errorf("look for what became of failed events: %w", err)
	}
	f.changed = map[string][]changed{}
	for _, file := range beside {
		app, found := strings.CutPrefix(file.Name(), changedIn(filepath.Base(f.opts.Mark), ""))
		if !found || strings.HasSuffix(app, ".new") { // it was not written to its end
			continue
		}
		all, err := readChanged(changedIn(f.opts.Mark, app))
		if err != nil { // it stays where it is, for who can tell what it says
			f.opts.Logger.Error("failed events of an app that is made anew are in the state that the archive has, or open", "app", app, "error", err)
			continue
		}
		f.changed[app] = all
	}
	return nil
}

// restore gives failed events of an app the state that they had.
func (f *Feeder) restore(app string, failed []analytics.Failed) {
	all := f.changed[app]
	if len(all) == 0 {
		return
	}
	for i := range failed {
		if at, found := slices.BinarySearchFunc(all, changed{Sequence: failed[i].Sequence}, bySequence); found {
			failed[i].State, failed[i].Changed = all[at].State, all[at].Changed
		}
	}
}

// restored forgets what all stores have that are at a sequence.
func (f *Feeder) restored(through uint64) error {
	for app, all := range f.changed {
		if len(all) > 0 && all[len(all)-1].Sequence > through {
			continue
		}
		if err := os.Remove(changedIn(f.opts.Mark, app)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what became of failed events: %w", err)
		}
		delete(f.changed, app)
	}
	return nil
}
