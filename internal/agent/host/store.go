package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/singleflight"

	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/artifact"
)

// store keeps artifacts by their hash, once for all environments.
type store struct {
	dir     string
	client  *client.Client
	flights singleflight.Group
}

// partSuffix marks an artifact that is being fetched.
const partSuffix = ".part"

func (s *store) path(sha string) string { return filepath.Join(s.dir, sha) }

// fetch gives the path of an artifact, fetching it first where it is not here. Releases that want the same one wait for one fetch.
func (s *store) fetch(ctx context.Context, sha string, size int64) (string, error) {
	for {
		flight := s.flights.DoChan(sha, func() (any, error) { return nil, s.fetchOnce(ctx, sha, size) })
		select {
		case <-ctx.Done():
			<-flight // ours ends with ctx; another's goes on and is waited for, so that nothing writes unseen
			return "", ctx.Err()
		case result := <-flight:
			if result.Shared && errors.Is(result.Err, context.Canceled) && ctx.Err() == nil {
				continue // the release that had begun to fetch it was abandoned; this one was not
			}
			return s.path(sha), result.Err
		}
	}
}

// fetchOnce goes on with what an earlier fetch left.
func (s *store) fetchOnce(ctx context.Context, sha string, size int64) error {
	if _, err := os.Stat(s.path(sha)); err == nil {
		return nil
	}
	part := s.path(sha) + partSuffix
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return diskFault("open the artifact's file", err)
	}
	defer f.Close()
	sum := sha256.New()
	had, err := io.Copy(sum, f)
	if err != nil {
		return diskFault("read what was fetched before", err)
	}
	w := &blobWriter{f: f, sum: sum, left: size - had, limited: size > 0}
	if _, err := s.client.GetBlob(ctx, sha, had, w); err != nil {
		if artifact.CodeOf(err) != "" {
			// A full disk is not kept full, and wrong bytes are not gone on with.
			return errors.Join(err, os.Remove(part))
		}
		return fmt.Errorf("fetch the artifact %s: %w", sha, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != sha {
		return errors.Join(hashFault(sha, got), os.Remove(part))
	}
	if err := f.Sync(); err != nil {
		return errors.Join(diskFault("sync the artifact", err), os.Remove(part))
	}
	if err := os.Rename(part, s.path(sha)); err != nil {
		return diskFault("name the artifact", err)
	}
	return nil
}

// list gives the artifacts here, whole or in part.
func (s *store) list() map[string]bool {
	found := map[string]bool{}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return found // nothing is removed from a folder that cannot be read
	}
	for _, e := range entries {
		found[strings.TrimSuffix(e.Name(), partSuffix)] = true
	}
	return found
}

func (s *store) remove(sha string) error {
	var errs []error
	for _, path := range []string{s.path(sha), s.path(sha) + partSuffix} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// blobWriter appends to the file, hashes, and refuses more than was announced.
type blobWriter struct {
	f       *os.File
	sum     hash.Hash
	left    int64
	limited bool
}

func (w *blobWriter) Write(p []byte) (int, error) {
	if w.left -= int64(len(p)); w.limited && w.left < 0 {
		return 0, &artifact.Error{Code: artifact.CodeHash, Text: "the artifact is longer than announced"}
	}
	n, err := w.f.Write(p)
	w.sum.Write(p[:n])
	if err != nil {
		return n, diskFault("write the artifact", err)
	}
	return n, nil
}

func hashFault(want, got string) error {
	return &artifact.Error{Code: artifact.CodeHash, Text: fmt.Sprintf("the artifact's bytes hash to %s instead of %s", got, want)}
}

func diskFault(doing string, cause error) error {
	return &artifact.Error{Code: artifact.CodeDisk, Text: fmt.Sprintf("%s: %v", doing, cause)}
}
