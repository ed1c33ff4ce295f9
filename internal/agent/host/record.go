package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/agent/proc"
	"github.com/slipwayhq/slipway/internal/wire"
)

// record is what the next agent needs to take a process over. It holds no environment.
type record struct {
	App      string           `json:"app"`
	Env      string           `json:"environment"`
	Release  string           `json:"release"`
	Process  string           `json:"process"`
	Start    int64            `json:"start,omitempty"`
	Ident    proc.Ident       `json:"ident"`
	Spec     wire.ProcessSpec `json:"spec"`
	Port     int              `json:"port"`
	Statsd   int              `json:"statsd,omitempty"` // port of the release's own socket
	State    string           `json:"state"`
	Restarts int              `json:"restarts"`
	Since    time.Time        `json:"since"`
}

func (r record) key() serviceKey {
	return serviceKey{releaseKey{envKey{r.App, r.Env}, r.Release}, r.Process, r.Start}
}

// recordPath has a name of fixed length, whatever the key.
func (h *Host) recordPath(key serviceKey) string {
	sum := sha256.Sum256([]byte(key.String()))
	return filepath.Join(h.o.Dir, "run", hex.EncodeToString(sum[:8])+".json")
}

// writeRecord replaces the record. It need not survive a power failure, which no process does either.
func (h *Host) writeRecord(r record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write the record of %s: %w", r.key(), err)
	}
	path := h.recordPath(r.key())
	temp := path + ".tmp"
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		return errors.Join(diskFault("write the process's record", err), removeIfThere(temp))
	}
	if err := os.Rename(temp, path); err != nil {
		return diskFault("write the process's record", err)
	}
	return nil
}

func (h *Host) removeRecord(key serviceKey) {
	if err := removeIfThere(h.recordPath(key)); err != nil {
		h.o.Logger.Error("cannot remove the record of a process", "process", key.String(), "error", err)
	}
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// adopt takes over the processes that an earlier agent left running; the others begin anew if they are wished for.
func (h *Host) adopt(ctx context.Context) {
	paths, _ := filepath.Glob(filepath.Join(h.o.Dir, "run", "*")) // the pattern is right
	for _, path := range paths {
		r, err := readRecord(path)
		if err != nil {
			h.o.Logger.Warn("dropping a damaged record of a process", "file", path, "error", err)
		}
		p, alive := (*proc.Process)(nil), false
		if err == nil {
			p, alive = proc.Adopt(r.Ident, lingerTime)
		}
		if err == nil && !alive {
			h.past[r.key()] = r.Restarts + 1
		}
		if !alive {
			if err := removeIfThere(path); err != nil {
				h.o.Logger.Error("cannot remove a record", "file", path, "error", err)
			}
			continue
		}
		h.takeOver(ctx, r, p)
	}
}

func (h *Host) takeOver(ctx context.Context, r record, p *proc.Process) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.newService(r.key(), r.Spec)
	s.state, s.port, s.pid, s.restarts, s.since = r.State, r.Port, r.Ident.PID, r.Restarts, r.Since
	s.starts = r.Restarts + 1
	s.group = r.Ident.Group
	h.ports.hold(r.Port)
	if r.Statsd != 0 {
		s.statsd = h.openStatsd(ctx, s.key, r.Statsd)
	}
	h.services[s.key] = s
	h.tasks.Go(func() { s.run(ctx, p) })
}

func readRecord(path string) (record, error) {
	var r record
	if !strings.HasSuffix(path, ".json") {
		return r, errors.New("written by half")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(data, &r)
}
