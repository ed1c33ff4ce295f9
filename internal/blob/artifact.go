package blob

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/fault"
)

// Artifact is one stored artifact.
type Artifact struct {
	SHA  string // sha256 of its bytes, 64 hex digits
	Size int64  // bytes
	// Kept is when it was put last.
	Kept time.Time
}

// Put stores what r gives and returns its name and size in bytes.
func (s *Store) Put(r io.Reader) (sha string, size int64, err error) { return s.put(r, "") }

// PutAs stores what r gives if its sha256 is sha, and returns its size in bytes. Other bytes are refused as invalid, and not kept.
func (s *Store) PutAs(sha string, r io.Reader) (int64, error) {
	if err := checkSHA(sha); err != nil {
		return 0, err
	}
	_, size, err := s.put(r, sha)
	return size, err
}

func (s *Store) put(r io.Reader, want string) (sha string, size int64, err error) {
	err = s.keep(func(f *os.File) (string, error) {
		h := sha256.New()
		if size, err = io.Copy(io.MultiWriter(f, h), r); err != nil {
			return "", fmt.Errorf("store an artifact: %w", err)
		}
		sha = hex.EncodeToString(h.Sum(nil))
		if want != "" && sha != want {
			return "", fault.Invalid("The bytes hash to %s, not to %s: they changed on the way. Send them again.", sha, want)
		}
		return s.path(sha), nil
	})
	if err != nil {
		return "", 0, err
	}
	return sha, size, nil
}

// Open gives an artifact for reading, with its size in bytes. Close it.
func (s *Store) Open(sha string) (io.ReadSeekCloser, int64, error) {
	if err := checkSHA(sha); err != nil {
		return nil, 0, err
	}
	f, err := os.Open(s.path(sha))
	if missing(err) {
		return nil, 0, fault.NotFound("There is no artifact %s.", sha)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open artifact %s: %w", sha, err)
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close() // the reason is err
		return nil, 0, fmt.Errorf("open artifact %s: %w", sha, err)
	}
	return f, info.Size(), nil
}

// Has reports whether the artifact is stored, and its size in bytes.
func (s *Store) Has(sha string) (int64, bool) {
	if checkSHA(sha) != nil {
		return 0, false
	}
	info, err := os.Stat(s.path(sha))
	if err != nil {
		return 0, false
	}
	return info.Size(), true
}

// Delete removes an artifact. One that is not there is fine; one that is being read stays readable until it is closed.
func (s *Store) Delete(sha string) error {
	if err := checkSHA(sha); err != nil {
		return err
	}
	if err := os.Remove(s.path(sha)); err != nil && !missing(err) {
		return fmt.Errorf("delete artifact %s: %w", sha, err)
	}
	return nil
}

// List gives all artifacts, by name.
func (s *Store) List() ([]Artifact, error) {
	paths, err := filepath.Glob(filepath.Join(s.dir, "artifacts", "??", "*"))
	if err != nil {
		return nil, fmt.Errorf("list artifacts: %w", err)
	}
	var all []Artifact
	for _, path := range paths {
		info, err := os.Stat(path)
		if missing(err) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("list artifacts: %w", err)
		}
		all = append(all, Artifact{SHA: filepath.Base(path), Size: info.Size(), Kept: info.ModTime()})
	}
	return all, nil
}

func (s *Store) path(sha string) string {
	return filepath.Join(s.dir, "artifacts", sha[:2], sha)
}

// checkSHA also keeps names from leading out of the folder.
func checkSHA(sha string) error {
	if len(sha) == 64 && strings.Trim(sha, "0123456789abcdef") == "" {
		return nil
	}
	return fault.Invalid("%q does not name an artifact: a name is the sha256 in 64 hex digits.", sha)
}
