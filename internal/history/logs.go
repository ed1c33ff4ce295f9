package history

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/accesslog"
	"github.com/slipwayhq/slipway/internal/pure/shadow"
)

// Logs says how to read access logs.
type Logs struct {
	Files []string // "-" is standard input
	Stdin io.Reader
	Keys  map[string]string // see accesslog.Options
	// HostFrom takes the host out of a file's path, by its first group; nil for the host that each line names.
	HostFrom     *regexp.Regexp
	Since, Until time.Time // zero for all
}

// Read reads all logs. A line that cannot be read is in the summary; a file that is no log is an error, as is one that cannot be read to its end.
func (l Logs) Read(ctx context.Context) (*shadow.Traffic, accesslog.Summary, error) {
	var all accesslog.Summary
	traffic := &shadow.Traffic{}
	o := accesslog.Options{Keys: l.Keys}
	if err := o.Validate(); err != nil {
		return nil, all, err
	}
	for _, name := range l.Files {
		s, err := l.file(ctx, name, o, traffic)
		if err != nil {
			return nil, all, fmt.Errorf("read %s: %w", name, err)
		}
		all.Add(s)
	}
	return traffic, all, nil
}

func (l Logs) file(ctx context.Context, name string, o accesslog.Options, traffic *shadow.Traffic) (accesslog.Summary, error) {
	in := l.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return accesslog.Summary{}, plain(err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	in, err := unpacked(in)
	if err != nil {
		return accesslog.Summary{}, err
	}
	host, err := l.host(name)
	if err != nil {
		return accesslog.Summary{}, err
	}
	since, until := int64(0), int64(1)<<62
	if !l.Since.IsZero() {
		since = l.Since.Unix()
	}
	if !l.Until.IsZero() {
		until = l.Until.Unix()
	}
	file := traffic.File(host)
	s, err := accesslog.Read(interruptible{ctx, in}, o, func(e accesslog.Entry, line string) {
		if e.Time >= since && e.Time < until {
			file.Count(e, line)
		}
	})
	if err != nil {
		return s, err
	}
	return s, file.Close()
}

// host is what HostFrom finds in a file's path.
func (l Logs) host(name string) (string, error) {
	if l.HostFrom == nil {
		return "", nil
	}
	m := l.HostFrom.FindStringSubmatch(filepath.ToSlash(name))
	if len(m) < 2 {
		return "", fmt.Errorf("--host-from %s finds no host in this path; its first group in brackets is the host", l.HostFrom)
	}
	return m[1], nil
}

// unpacked reads through gzip where the first bytes say so, whatever the name is.
func unpacked(in io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(in, 1<<16)
	if magic, _ := b.Peek(2); len(magic) < 2 || magic[0] != 0x1f || magic[1] != 0x8b {
		return b, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	return z, nil
}

// interruptible ends with its context.
type interruptible struct {
	ctx context.Context //nolint:containedctx // a reader is given none
	in  io.Reader
}

func (r interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.in.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the file ends in the middle of what was packed; pack it again, or unpack what is there with zcat")
	}
	return n, err
}

// plain is an error of the system without the name of the file, which is said already.
func plain(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
