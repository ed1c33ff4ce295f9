package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/slipwayhq/slipway/internal/artifact"
	"github.com/slipwayhq/slipway/internal/wire"
)

// pack makes the artifact and stores it.
func (j *job) pack(ctx context.Context, r *wire.LeaseResult) error {
	if j.lease.Command != "" {
		fmt.Fprintf(j.log, "$ %s\n", shorten(j.lease.Command))
		out, err := j.run(ctx, j.lease.Command, j.log)
		if err != nil {
			return err
		}
		if out.into(r); r.Exit != 0 || r.TimedOut {
			return nil
		}
	}
	j.phase.Store(phaseUpload)
	began := time.Now()
	if _, err := os.Lstat(filepath.Join(j.dir, j.lease.Path)); errors.Is(err, os.ErrNotExist) {
		return j.unpackable(r, fmt.Sprintf("there is nothing at %q after the package command; is package.path right?", j.lease.Path))
	}
	file, err := os.CreateTemp(j.path("tmp"), "artifact-*")
	if err != nil {
		return fmt.Errorf("make a file for the artifact: %w", err)
	}
	defer func() {
		_ = file.Close() // it is removed
		_ = os.Remove(file.Name())
	}()
	sha, size, err := j.packInto(file)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EIO) {
		return err
	}
	if err != nil {
		return j.unpackable(r, err.Error())
	}
	if err := j.Client.PutBlob(ctx, sha, file, size); err != nil {
		return fmt.Errorf("store the artifact: %w", err)
	}
	r.Artifact, r.Size, r.Upload = sha, size, time.Since(began)
	fmt.Fprintf(j.log, "artifact %s, %d bytes\n", sha, size)
	return nil
}

// unpackable says that the checkout holds nothing that could be shipped, which is not this machine's fault.
func (j *job) unpackable(r *wire.LeaseResult, why string) error {
	fmt.Fprintln(j.log, why)
	r.Exit, r.Tail = 1, why
	return nil
}

// packInto writes the artifact. The link from a checkout to its mirror is no part of the files.
func (j *job) packInto(file *os.File) (sha string, size int64, err error) {
	if filepath.Clean(j.lease.Path) == "." {
		link, aside := filepath.Join(j.dir, ".git"), j.path("tmp", "git-"+j.slot.name)
		if err := os.Rename(link, aside); err != nil {
			return "", 0, fmt.Errorf("set the checkout's link aside: %w", err)
		}
		defer func() { err = errors.Join(err, os.Rename(aside, link)) }()
	}
	return artifact.Pack(file, j.dir, j.lease.Path)
}
