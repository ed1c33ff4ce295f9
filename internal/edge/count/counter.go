package count

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipwayhq/slipway/internal/event"
)

// waitingShards spread the lock of the list of waiting requests.
const waitingShards = 16

// Counter counts for one boot of one edge.
type Counter struct {
	edge, boot string
	dir        string // of the memories; empty keeps them in this process only
	limit      int    // visitors that one memory holds
	next       atomic.Uint32
	waiting    [waitingShards]waiting

	mu       sync.Mutex
	epochs   []*Epoch // in order of their beginning
	memories map[string]*memory
	history  map[environment]*history
	number   int64
	heir     bool // a successor tidies the folder
}

// environment is an app's.
type environment struct{ app, env string }

// New makes a Counter for the edge of this id. boot is random for each start. dir keeps the memories; it is made when missing.
func New(edge, boot, dir string) (*Counter, error) {
	if dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("make the folder for the counts: %w", err)
		}
	}
	return &Counter{edge: edge, boot: boot, dir: dir, limit: memoryLimit, memories: map[string]*memory{}, history: map[environment]*history{}}, nil
}

// pick spreads requests over the lists.
func (c *Counter) pick(*Request) *waiting { return &c.waiting[c.next.Add(1)%waitingShards] }

// Apply gives the present epoch for each key, in their order: the running one where nothing changed, else a new one. Epochs of other keys are
// retired: they end with their last request. Memories of rollouts that no key names are removed from disk.
// An error concerns the disk only; the epochs are good.
func (c *Counter) Apply(keys []Key) ([]*Epoch, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var failed []error
	live := map[*Epoch]bool{}
	result := make([]*Epoch, len(keys))
	for i, key := range keys {
		for _, e := range c.epochs {
			if !e.retired && !live[e] && e.key.equal(key) {
				result[i] = e
			}
		}
		if result[i] == nil {
			m, err := c.memory(key)
			failed = append(failed, err)
			result[i] = newEpoch(c, key, m, c.historyOf(key))
			c.epochs = append(c.epochs, result[i])
		}
		live[result[i]] = true
	}
	for _, e := range c.epochs {
		e.retired = !live[e]
	}
	return result, errors.Join(append(failed, c.prune(keys))...)
}

// historyOf is the environment's.
func (c *Counter) historyOf(key Key) *history {
	of := environment{key.App, key.Env}
	if c.history[of] == nil {
		c.history[of] = &history{}
	}
	return c.history[of]
}

// memory gives the rollout's memory, nil without a rollout.
func (c *Counter) memory(key Key) (*memory, error) {
	if key.Rollout == "" {
		return nil, nil
	}
	name := memoryName(key)
	if m := c.memories[name]; m != nil {
		return m, nil
	}
	file := ""
	if c.dir != "" {
		file = filepath.Join(c.dir, name)
	}
	m, err := openMemory(file, c.limit)
	c.memories[name] = m
	return m, err
}

// memoryName is a file name for what may hold any character.
func memoryName(key Key) string {
	sum := sha256.Sum256([]byte(key.App + "\x00" + key.Env + "\x00" + key.Rollout))
	return "erred-" + hex.EncodeToString(sum[:12])
}

// prune forgets rollouts that are over. Their late requests (a websocket lives for weeks) still hold the memory they began with, so it is emptied too.
func (c *Counter) prune(keys []Key) error {
	live, served := map[string]bool{}, map[environment]bool{}
	for _, key := range keys {
		live[memoryName(key)], served[environment{key.App, key.Env}] = true, true
	}
	maps.DeleteFunc(c.history, func(of environment, _ *history) bool { return !served[of] })
	for name, m := range c.memories {
		if !live[name] {
			m.forget()
			delete(c.memories, name)
		}
	}
	if c.dir == "" || c.heir {
		return nil
	}
	files, err := os.ReadDir(c.dir)
	if err != nil {
		return fmt.Errorf("list the folder of the counts: %w", err)
	}
	for _, f := range files {
		if strings.HasPrefix(f.Name(), "erred-") && !live[f.Name()] {
			err = errors.Join(err, os.Remove(filepath.Join(c.dir, f.Name())))
		}
	}
	return err
}

// Close ends the second that began at start and gives what was counted in it. It is false for one that is not worth telling: nothing was counted and
// no rollout is under way; such a second takes no number. An error concerns the memories on disk only.
func (c *Counter) Close(start time.Time) (event.EdgeSecond, bool, error) {
	now := time.Now()
	for i := range c.waiting {
		c.waiting[i].sweep(now)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := event.EdgeSecond{Edge: c.edge, Boot: c.boot, Second: start.Unix()}
	watched := false
	kept := c.epochs[:0]
	for _, e := range c.epochs {
		done := e.finished() // before the drain: then nothing can come after it
		if route, ok := e.drain(s.Second + 1); ok {
			s.Routes = append(s.Routes, route)
		}
		if !done {
			kept = append(kept, e)
			watched = watched || e.key.Rollout != ""
		}
	}
	clear(c.epochs[len(kept):])
	c.epochs = kept
	err := c.save()
	if len(s.Routes) == 0 && !watched {
		return s, false, err
	}
	c.number++
	s.Number = c.number
	return s, true, err
}

// HandOver leaves the folder to a successor: marks are still added to its files, but none is removed any more.
func (c *Counter) HandOver() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heir = true
}

// Save writes the memories to disk, as Close does.
func (c *Counter) Save() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.save()
}

func (c *Counter) save() error {
	var err error
	for _, m := range c.memories {
		err = errors.Join(err, m.save())
	}
	return err
}
