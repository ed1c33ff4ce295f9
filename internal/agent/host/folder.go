package host

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/artifact"
	"github.com/slipwayhq/slipway/internal/wire"
)

const desiredFile = "desired.json"

func (h *Host) saveDesired(d wire.Desired) error {
	data, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("write the wish: %w", err)
	}
	return client.WriteFile(filepath.Join(h.o.Dir, desiredFile), data)
}

// recover reads what an earlier agent left on disk: the wish, the releases, the links. Halves of anything are removed.
func (h *Host) recover() error {
	if err := h.recoverDesired(); err != nil {
		return err
	}
	envs, err := filepath.Glob(filepath.Join(h.o.Dir, "releases", "*", "*"))
	if err != nil {
		return fmt.Errorf("look for releases: %w", err)
	}
	for _, folder := range envs {
		env := envKey{App: filepath.Base(filepath.Dir(folder)), Env: filepath.Base(folder)}
		if err := h.recoverEnvironment(env, folder); err != nil {
			return fmt.Errorf("look for releases of %s: %w", env, err)
		}
	}
	return nil
}

// recoverDesired reads the last wish. A damaged one is set aside: the server will say it again, and until then everything stays as it is.
func (h *Host) recoverDesired() error {
	path := filepath.Join(h.o.Dir, desiredFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the last wish: %w", err)
	}
	var d wire.Desired
	if err := json.Unmarshal(data, &d); err != nil {
		h.o.Logger.Error("the last wish on disk is damaged; waiting for the server to say it again", "file", path, "error", err)
		return os.Rename(path, path+".damaged")
	}
	h.desired, h.wished = d, true
	return nil
}

func (h *Host) recoverEnvironment(env envKey, folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	h.current[env] = ""
	for _, e := range entries {
		name := e.Name()
		switch {
		case strings.HasPrefix(name, "."):
			if err := os.RemoveAll(filepath.Join(folder, name)); err != nil {
				return err
			}
		case name == currentName:
			if h.current[env], err = os.Readlink(filepath.Join(folder, name)); err != nil {
				return err
			}
		default:
			h.releases[releaseKey{env, name}] = &release{place: staged}
		}
	}
	return nil
}

func (h *Host) releasePath(key releaseKey) string {
	return filepath.Join(h.o.Dir, "releases", key.path())
}

func (h *Host) unpack(blob string, key releaseKey, sha string) error {
	dst := h.releasePath(key)
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return diskFault("make the environment's folder", err)
	}
	// A folder that is there although the release is not known to be is somebody else's leaving: it would be in the way for ever.
	if err := h.removeRelease(key); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return diskFault("remove what is in the release's place", err)
	}
	f, err := os.Open(blob)
	if err != nil {
		return diskFault("open the artifact", err)
	}
	defer f.Close()
	if err := artifact.Unpack(f, sha, dst, artifact.Limits{}); err != nil {
		if artifact.CodeOf(err) == "" {
			return diskFault("read the artifact", err)
		}
		return err
	}
	return nil
}

// removeRelease takes the name away first, so that half a release is never taken for a whole one.
func (h *Host) removeRelease(key releaseKey) error {
	path := h.releasePath(key)
	gone := filepath.Join(filepath.Dir(path), ".gone-"+rand.Text())
	if err := os.Rename(path, gone); err != nil {
		return err
	}
	return os.RemoveAll(gone)
}

// switchCurrent lets the link name the release, at once for whoever looks.
func (h *Host) switchCurrent(key releaseKey) error {
	folder := filepath.Dir(h.releasePath(key))
	temp := filepath.Join(folder, ".current-"+rand.Text())
	if err := os.Symlink(key.Release, temp); err != nil {
		return err
	}
	if err := os.Rename(temp, filepath.Join(folder, currentName)); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return nil
}

// removeEnvironment removes its folder and, where it was the last one, its app's.
func (h *Host) removeEnvironment(env envKey) error {
	folder := filepath.Join(h.o.Dir, "releases", env.path())
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	_ = os.Remove(filepath.Dir(folder)) // stays while another environment is in it
	return nil
}
