package worker

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipwayhq/slipway/internal/agent/proc"
)

// isolate gets ready to keep commands apart from the agent, and says how far that goes.
func (w *worker) isolate() error {
	if w.Keeper == nil {
		return nil
	}
	for _, dir := range w.Hide {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make a folder to hide: %w", err)
		}
	}
	keepers, err := proc.OpenKeepers(proc.KeeperOptions{Program: w.Keeper, Isolation: w.Isolation, View: w.sight(), Spare: sparesPerSlot * w.Slots})
	switch {
	case err != nil && w.Isolation == proc.Namespaces:
		return fmt.Errorf("keep commands apart: %w", err)
	case err != nil:
		w.Logger.Warn(exposed+", and what makes a session of its own outlives its command", "error", err)
		return nil
	}
	w.keepers = keepers
	walls := keepers.Walls()
	log := w.Logger.With("namespaces", walls.String())
	switch {
	case !walls.Mounts && keepers.Refused() == nil:
		log.Warn(exposed + ", as it was asked for")
	case !walls.Mounts:
		log.Warn(exposed+": the kernel allows no better isolation to this process", "refused", keepers.Refused())
	case walls.Users:
		log.Info("commands cannot see this agent's credentials; they run as nobody but this user, so that sudo, other setuid programs and rootless containers fail in them")
	default:
		log.Info("commands cannot see this agent's credentials")
	}
	return nil
}

// sparesPerSlot has one more ready for the tests when the command that lists them ends at once.
const sparesPerSlot = 2

const exposed = "commands can read what this agent's user can, its credentials included"

func (w *worker) close() {
	if w.keepers != nil {
		w.keepers.Close()
	}
}

// sight is what every command sees: of the agent's folders nothing but the caches.
func (w *worker) sight() proc.View {
	v := proc.View{Hide: append([]string{w.Dir}, w.Hide...), Keep: []string{w.path("home")}}
	for _, entry := range w.environ {
		// A folder that the settings name is meant for commands.
		if _, value, _ := strings.Cut(entry, "="); value != w.path("home") && w.hides(value) {
			v.Keep = append(v.Keep, value)
		}
	}
	return v
}

// hides reports whether something that is there lies in a hidden folder.
func (w *worker) hides(path string) bool {
	if !filepath.IsAbs(path) {
		return false
	}
	for _, dir := range append([]string{w.Dir}, w.Hide...) {
		if rel, err := filepath.Rel(dir, path); err == nil && rel != "." && filepath.IsLocal(rel) {
			_, err := os.Stat(path)
			return err == nil
		}
	}
	return false
}

// view is what the commands of a lease see.
func (j *job) view() proc.View {
	v := j.sight()
	v.Keep = append(v.Keep, j.dir, j.tmp)
	v.Read = []string{filepath.Join(j.mirrors.of(j.lease.App).dir, "objects")}
	return v
}
