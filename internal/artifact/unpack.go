package artifact

import (
	"archive/tar"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

// Limits bound what an artifact may grow to. A zero field has the default.
type Limits struct {
	Packed  int64 // bytes of the artifact itself; default 4 GiB
	Size    int64 // bytes of all files together; default 8 GiB
	Entries int   // files, folders and links; default 500,000
}

func (l Limits) withDefaults() Limits {
	if l.Packed == 0 {
		l.Packed = 4 << 30
	}
	if l.Size == 0 {
		l.Size = 8 << 30
	}
	if l.Entries == 0 {
		l.Entries = 500_000
	}
	return l
}

// Unpack reads an artifact and makes it the folder dst, which must not exist, while its parent must.
// The folder appears by a rename once everything is on disk and the bytes hash to wantSHA (64 hex digits); on any error nothing of it is left.
// Errors carry a Code; an error of r itself carries none.
func Unpack(r io.Reader, wantSHA, dst string, limits Limits) error {
	parent, err := os.OpenRoot(filepath.Dir(dst))
	if err != nil {
		return diskFault("open the folder to unpack into", err)
	}
	defer parent.Close()
	name := filepath.Base(dst)
	if _, err := parent.Lstat(name); err == nil {
		return diskFault("unpack to "+dst, os.ErrExist)
	}
	temp := "." + name + ".tmp-" + rand.Text()
	if err := parent.Mkdir(temp, 0o755); err != nil {
		return diskFault("make the folder to unpack into", err)
	}
	err = unpackInto(r, wantSHA, parent, temp, limits.withDefaults())
	if err == nil {
		err = publish(parent, temp, name)
	}
	if err != nil {
		return errors.Join(err, discard(parent, temp))
	}
	return nil
}

// publish renames the finished folder to its name and makes that survive a power failure.
func publish(parent *os.Root, temp, name string) error {
	if err := parent.Rename(temp, name); err != nil {
		return diskFault("rename the unpacked folder", err)
	}
	if err := syncPath(parent, "."); err != nil {
		return diskFault("sync the unpacked folder", err)
	}
	return nil
}

func discard(parent *os.Root, temp string) error {
	if err := parent.RemoveAll(temp); err != nil {
		return diskFault("remove what was unpacked by half", err)
	}
	return nil
}

func unpackInto(r io.Reader, wantSHA string, parent *os.Root, temp string, limits Limits) error {
	folder, err := parent.OpenRoot(temp)
	if err != nil {
		return diskFault("open the folder to unpack into", err)
	}
	defer folder.Close()
	in := &source{r: r, left: limits.Packed, sum: sha256.New()}
	u := &unpacker{folder: folder, limits: limits, kinds: map[string]byte{}}
	err = u.readAll(in)
	// The hash speaks first: wrong bytes explain every other mistake in them.
	if in.err == nil && CodeOf(err) != CodeDisk {
		_, _ = io.Copy(io.Discard, in) // in.err keeps its error
	}
	if in.err != nil {
		return in.err
	}
	if CodeOf(err) == CodeDisk {
		return err
	}
	if got := hex.EncodeToString(in.sum.Sum(nil)); got != wantSHA {
		return &Error{Code: CodeHash, Text: fmt.Sprintf("the artifact's bytes hash to %s instead of %s", got, shorten(wantSHA))}
	}
	if err != nil {
		return err
	}
	if err := u.sync(); err != nil {
		return diskFault("sync the unpacked files", err)
	}
	return nil
}

// readAll unpacks to the end of the stream.
func (u *unpacker) readAll(in io.Reader) error {
	z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20), zstd.WithDecoderLowmem(true))
	if err != nil {
		return &Error{Code: CodeUnpack, Text: "the artifact is not compressed as expected", cause: err}
	}
	defer z.Close()
	// Headers and padding count too, so that an endless stream of them ends.
	plain := &limitedReader{r: z, left: u.limits.Size + int64(u.limits.Entries)*4096}
	t := tar.NewReader(plain)
	for {
		header, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return &Error{Code: CodeUnpack, Text: "read the artifact", cause: err}
		}
		if err := u.entry(header, t); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, plain); err != nil {
		return &Error{Code: CodeUnpack, Text: "read the end of the artifact", cause: err}
	}
	return nil
}
