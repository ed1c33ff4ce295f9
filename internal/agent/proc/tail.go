package proc

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"unicode/utf8"
)

// Tail is a writer that keeps the last bytes written to it. Its methods may be called at once.
type Tail struct {
	mu   sync.Mutex
	size int
	kept []byte
	cut  bool
}

// NewTail keeps the last size bytes.
func NewTail(size int) *Tail { return &Tail{size: size} }

// Write never fails.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	// Twice the size is let grow before it is moved, so that many small writes stay cheap.
	if len(t.kept) > 2*t.size {
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-t.size:]...)
		t.cut = true
	}
	return len(p), nil
}

// String gives the last bytes as valid text, from the beginning of a line where one begins among them.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := t.kept
	cut := t.cut
	if len(kept) > t.size {
		kept, cut = kept[len(kept)-t.size:], true
	}
	return text(kept, cut)
}

// TailOf gives the last size bytes of a file in the same form; a file that is not there has none.
func TailOf(path string, size int64) (string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	from := max(0, info.Size()-size)
	data, err := io.ReadAll(io.NewSectionReader(f, from, size))
	if err != nil {
		return "", err
	}
	return text(data, from > 0), nil
}

func text(b []byte, cut bool) string {
	for cut && len(b) > 0 && !utf8.RuneStart(b[0]) {
		b = b[1:]
	}
	s := strings.ToValidUTF8(string(b), "\uFFFD")
	s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	if first, rest, more := strings.Cut(s, "\n"); cut && more && len(first) < len(s)/2 {
		s = rest
	}
	return s
}
