package artifact

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Pack writes the file or folder at path, which is relative to root and stays in it, as an artifact to w.
// A folder's content becomes the top of the artifact; a single file stands there by its base name.
// It returns the sha256 of what was written, as 64 hex digits, and its size in bytes.
func Pack(w io.Writer, root, path string) (sha256hex string, size int64, err error) {
	base, err := os.OpenRoot(root)
	if err != nil {
		return "", 0, fmt.Errorf("pack %s: %w", path, err)
	}
	defer base.Close()
	out := &meter{w: w, sum: sha256.New()}
	// One goroutine and a fixed level: the bytes depend on the input alone.
	z, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return "", 0, fmt.Errorf("pack %s: %w", path, err)
	}
	t := tar.NewWriter(z)
	if err := packPath(t, base, path); err != nil {
		_ = z.Close() // frees its buffers; what it still writes is worthless
		return "", 0, fmt.Errorf("pack %s: %w", path, err)
	}
	if err := t.Close(); err != nil {
		return "", 0, fmt.Errorf("pack %s: %w", path, err)
	}
	if err := z.Close(); err != nil {
		return "", 0, fmt.Errorf("pack %s: %w", path, err)
	}
	return hex.EncodeToString(out.sum.Sum(nil)), out.size, nil
}

// meter passes bytes on, hashes and counts them.
type meter struct {
	w    io.Writer
	sum  hash.Hash
	size int64
}

func (m *meter) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.sum.Write(p[:n])
	m.size += int64(n)
	return n, err
}

func packPath(t *tar.Writer, base *os.Root, name string) error {
	if !filepath.IsLocal(name) {
		return fmt.Errorf("the path must be relative and stay in the repository")
	}
	info, err := base.Stat(name)
	if err != nil {
		return err
	}
	switch {
	case info.Mode().IsRegular():
		return packFile(t, base, name, filepath.Base(name))
	case info.IsDir():
		sub, err := base.OpenRoot(name)
		if err != nil {
			return err
		}
		defer sub.Close()
		return packFolder(t, sub)
	default:
		return fmt.Errorf("it is neither a file nor a folder but a %s", kind(info.Mode()))
	}
}

// packFolder writes the content of a folder in the order of its names, each folder before what is in it.
func packFolder(t *tar.Writer, folder *os.Root) error {
	return fs.WalkDir(folder.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name == "." {
			return nil
		}
		switch mode := entry.Type(); {
		case mode.IsRegular():
			return packFile(t, folder, name, name)
		case mode.IsDir():
			return writeHeader(t, &tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755})
		case mode&fs.ModeSymlink != 0:
			return packLink(t, folder, name)
		default:
			return fmt.Errorf("%s is a %s: an artifact holds files, folders and links", name, kind(mode))
		}
	})
}

func packFile(t *tar.Writer, from *os.Root, name, as string) error {
	f, err := from.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: filepath.ToSlash(as), Mode: 0o644, Size: info.Size()}
	if info.Mode()&0o111 != 0 {
		header.Mode = 0o755
	}
	if err := writeHeader(t, header); err != nil {
		return err
	}
	if _, err := io.CopyN(t, f, info.Size()); err != nil {
		return fmt.Errorf("%s changed while it was read: %w", name, err)
	}
	return nil
}

func packLink(t *tar.Writer, folder *os.Root, name string) error {
	target, err := folder.Readlink(name)
	if err != nil {
		return err
	}
	if err := checkLink(name, target); err != nil {
		return err
	}
	return writeHeader(t, &tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: filepath.ToSlash(target), Mode: 0o777})
}

// writeHeader fixes what differs between machines.
func writeHeader(t *tar.Writer, header *tar.Header) error {
	header.ModTime = time.Unix(0, 0)
	if err := checkName(path.Clean(header.Name)); err != nil {
		return err
	}
	return t.WriteHeader(header)
}

func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeNamedPipe != 0:
		return "named pipe"
	case mode&fs.ModeDevice != 0:
		return "device"
	default:
		return "special file"
	}
}
