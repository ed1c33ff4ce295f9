package seen

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/slipwayhq/slipway/internal/durable"
	"github.com/slipwayhq/slipway/internal/seen/run"
)

// files are the ids that are on disk: files that do not change, several of which become one when there are many of a size.
type files struct {
	dir string

	mu       sync.RWMutex // held by who looks for ids, too: no file is closed meanwhile
	all      []*file
	position uint64  // of the log: every id up to there is in
	next     uint64  // number of the next file
	unsaved  bool    // the list has not what all has
	gone     []*file // that the list may still have: they are removed once it has not
	closed   bool

	saving   sync.Mutex // one writes the list at a time
	changing sync.Mutex // one merges or forgets at a time
}

// file is some ids of one span.
type file struct {
	*run.Run
	Name string `json:"name"`
	Span uint32 `json:"span"`
}

// list is what is kept of them: what is not in it is not there.
type list struct {
	Version  int     `json:"version"`
	Position uint64  `json:"position"`
	Next     uint64  `json:"next"`
	Files    []*file `json:"files"`
}

const (
	listName    = "index" // JSON, and on the next line its checksum
	listVersion = 1
	// damagedName is a file that says that another is damaged.
	damagedName = "damaged"
	ending      = ".ids"
)

// errDamaged is that the index is to be made anew.
var errDamaged = errors.New("the index of event ids is damaged")

// open opens what the list has, and removes what it has not. Where something is damaged there is nothing, and why is told.
func (f *files) open() (damage, err error) {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return nil, err
	}
	if damage = f.read(); damage != nil {
		if !errors.Is(damage, errDamaged) {
			return nil, damage
		}
		// The list first: it must not come back and find other files by the same names.
		err = errors.Join(f.close(), f.remove(func(name string) bool { return name == listName }), durable.SyncFolder(f.dir), f.remove(func(string) bool { return true }))
		*f = files{dir: f.dir}
		return damage, err
	}
	known := map[string]bool{listName: true}
	for _, one := range f.all {
		known[one.Name] = true
	}
	return nil, f.remove(func(name string) bool { return !known[name] })
}

// read opens what the list has.
func (f *files) read() error {
	if _, err := os.Stat(filepath.Join(f.dir, damagedName)); err == nil {
		return errDamaged
	}
	b, err := os.ReadFile(filepath.Join(f.dir, listName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var l list
	text, sum, _ := bytes.Cut(b, []byte("\n"))
	if string(sum) != checksum(text) {
		return fmt.Errorf("%w: %s has another checksum", errDamaged, listName)
	}
	if err := json.Unmarshal(text, &l); err != nil || l.Version != listVersion {
		return fmt.Errorf("%w: %s has version %d: %w", errDamaged, listName, l.Version, err)
	}
	for _, one := range l.Files {
		if one.Run, err = run.Open(filepath.Join(f.dir, one.Name)); err != nil {
			if errors.Is(err, run.ErrDamaged) || errors.Is(err, fs.ErrNotExist) {
				err = fmt.Errorf("%w: %w", errDamaged, err)
			}
			return err
		}
		f.all = append(f.all, one)
	}
	f.position, f.next = l.Position, l.Next
	return nil
}

// checksum is the line behind a list.
func checksum(list []byte) string {
	return fmt.Sprintf("%08x\n", crc32.Checksum(list, crc32.MakeTable(crc32.Castagnoli)))
}

// remove removes files of the index: its own, and those of the tree that was in its place before.
func (f *files) remove(which func(name string) bool) error {
	found, err := os.ReadDir(f.dir)
	for _, entry := range found {
		name := entry.Name()
		own := strings.HasSuffix(name, ending) || name == listName || name == damagedName || strings.HasPrefix(name, ".new-")
		for _, pattern := range []string{"CURRENT", "LOCK", "MANIFEST-*", "OPTIONS-*", "marker.*", "*.sst", "*.log", "*.dbtmp"} {
			match, _ := filepath.Match(pattern, name)
			own = own || match
		}
		if own && which(name) {
			err = errors.Join(err, os.Remove(filepath.Join(f.dir, name)))
		}
	}
	return err
}

// save writes the list down.
func (f *files) save() (err error) {
	f.saving.Lock()
	defer f.saving.Unlock()
	f.mu.Lock()
	l, gone := list{Version: listVersion, Position: f.position, Next: f.next, Files: slices.Clone(f.all)}, f.gone
	f.unsaved, f.gone = false, nil
	f.mu.Unlock()
	defer func() {
		if err != nil {
			f.mu.Lock()
			f.unsaved, f.gone = true, append(gone, f.gone...)
			f.mu.Unlock()
		}
	}()
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if err := durable.SyncFolder(f.dir); err != nil { // what it names is there before it
		return err
	}
	if err := durable.WriteFile(filepath.Join(f.dir, listName), append(append(b, '\n'), checksum(b)...)); err != nil {
		return err
	}
	if err := durable.SyncFolder(f.dir); err != nil {
		return err
	}
	for _, one := range gone {
		_ = errors.Join(one.Close(), os.Remove(filepath.Join(f.dir, one.Name))) // or else the next start removes it
	}
	return nil
}

// settle writes down that everything up to a position is in.
func (f *files) settle(position uint64) error {
	f.mu.Lock()
	f.unsaved = f.unsaved || f.position != position
	f.position = position
	unsaved := f.unsaved
	f.mu.Unlock()
	if !unsaved {
		return nil
	}
	return f.save()
}

// path is where the next file goes.
func (f *files) path() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	return filepath.Join(f.dir, fmt.Sprintf("%012d%s", f.next, ending))
}

// add adds a file that was written, perhaps in the place of others. The list has it when it is saved next.
func (f *files) add(path string, span uint32, instead ...*file) error {
	r, err := run.Open(path)
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return errors.Join(errClosing, r.Close())
	}
	f.unsaved, f.gone = true, append(f.gone, instead...)
	f.all = append(slices.DeleteFunc(slices.Clone(f.all), func(one *file) bool { return slices.Contains(instead, one) }), &file{Run: r, Name: filepath.Base(path), Span: span})
	return nil
}

// known hands on those keys that are in a file of the given spans.
func (f *files) known(first, last uint32, keys []Key, wanted []bool, found func(i int)) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.closed {
		return errClosing
	}
	for _, one := range f.all {
		if one.Span < first || one.Span > last {
			continue
		}
		for i := range keys {
			if !wanted[i] {
				continue
			}
			has, err := one.Has(&keys[i])
			if err != nil {
				return f.damaged(err)
			}
			if has {
				found(i)
			}
		}
	}
	return nil
}

// damaged has the next start make the index anew, if that is what an error says.
func (f *files) damaged(err error) error {
	if !errors.Is(err, run.ErrDamaged) {
		return err
	}
	return errors.Join(fmt.Errorf("%w; start the server anew, and it is made anew from the log: %w", errDamaged, err), os.WriteFile(filepath.Join(f.dir, damagedName), nil, 0o600))
}

// forget removes the files of spans before one.
func (f *files) forget(first uint32) error {
	f.changing.Lock()
	defer f.changing.Unlock()
	f.mu.Lock()
	all := len(f.all)
	f.all = slices.DeleteFunc(slices.Clone(f.all), func(one *file) bool {
		if one.Span < first {
			f.gone = append(f.gone, one)
		}
		return one.Span < first
	})
	some := len(f.all) < all
	f.unsaved = f.unsaved || some
	f.mu.Unlock()
	if !some {
		return nil
	}
	return f.save()
}

// Files of a span that ids may still come to are merged when there are mostAlike of about a size, so that an id is written once for each eightfold of all; of others two are enough, as they are looked through for a week.
const mostAlike, mostAlikePast = 8, 2

// alike are files that should be one: of one span and of about a size. None where there are few.
func alike(all []*file) []*file {
	newest := uint32(0)
	for _, one := range all {
		newest = max(newest, one.Span)
	}
	type kind struct {
		span uint32
		size int
	}
	of := map[kind][]*file{}
	for _, one := range all {
		k := kind{one.Span, bits.Len(uint(one.Len())>>10) / 3}
		of[k] = append(of[k], one)
	}
	for k, some := range of {
		if len(some) >= mostAlike || len(some) >= mostAlikePast && k.span < newest {
			return some
		}
	}
	return nil
}

// merge merges files until none are alike, or goOn fails.
func (f *files) merge(goOn func() error) error {
	f.changing.Lock()
	defer f.changing.Unlock()
	for {
		f.mu.RLock()
		some := alike(f.all)
		f.mu.RUnlock()
		if len(some) == 0 {
			return nil
		}
		runs := make([]*run.Run, len(some))
		for i, one := range some {
			runs[i] = one.Run
		}
		path := f.path()
		if err := run.Merge(path, runs, goOn); err != nil {
			return f.damaged(err)
		}
		if err := f.add(path, some[0].Span, some...); err != nil {
			return err
		}
		if err := f.save(); err != nil {
			return err
		}
	}
}

// close closes all files; nothing is known and nothing added from then on.
func (f *files) close() (err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range slices.Concat(f.all, f.gone) {
		err = errors.Join(err, one.Close())
	}
	f.all, f.gone, f.closed = nil, nil, true
	return err
}
