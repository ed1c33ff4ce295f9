package host

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/slipwayhq/slipway/internal/wire"
)

// envKey, releaseKey and serviceKey name things on this host.
type (
	envKey     struct{ App, Env string }
	releaseKey struct {
		envKey
		Release string
	}
	serviceKey struct {
		releaseKey
		Process string
		// Start is the number of the wish that it was started for, 0 for none.
		Start int64
	}
)

func (k envKey) String() string     { return k.App + "/" + k.Env }
func (k releaseKey) String() string { return k.envKey.String() + "/" + k.Release }

// String names a process of start 0 as agents did that knew no other.
func (k serviceKey) String() string {
	name := k.releaseKey.String() + " " + k.Process
	if k.Start != 0 {
		name += fmt.Sprintf(" (start %d)", k.Start)
	}
	return name
}

// path is where it lies below a folder.
func (k envKey) path() string     { return filepath.Join(k.App, k.Env) }
func (k releaseKey) path() string { return filepath.Join(k.App, k.Env, k.Release) }

// currentName is the link in an environment's folder.
const currentName = "current"

// checkDesired refuses names that are no file names: they come from elsewhere and become paths.
func checkDesired(d *wire.Desired) error {
	for _, e := range d.Environments {
		names := []string{e.App, e.Env}
		for _, held := range e.Hold {
			names = append(names, held.Release)
			for process := range held.Processes {
				names = append(names, process)
			}
			if !isSHA(held.Artifact) {
				return fmt.Errorf("the artifact %q of release %q is no sha256", held.Artifact, held.Release)
			}
		}
		for _, name := range names {
			if name == "" || len(name) > 100 || strings.HasPrefix(name, ".") || strings.ContainsAny(name, "/\\\x00") || name == currentName {
				return fmt.Errorf("%q cannot be the name of a file", name)
			}
		}
	}
	return nil
}

func isSHA(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
