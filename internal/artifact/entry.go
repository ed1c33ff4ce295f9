package artifact

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// unpacker writes entries below one folder and remembers what it made.
type unpacker struct {
	folder *os.Root
	limits Limits
	kinds  map[string]byte // tar type by name
	files  []string
	size   int64
}

// entry checks one entry against everything before it and writes it.
func (u *unpacker) entry(header *tar.Header, content io.Reader) error {
	name := header.Name
	if header.Typeflag == tar.TypeDir {
		name = strings.TrimSuffix(name, "/")
	}
	if err := checkName(name); err != nil {
		return refuse("%v", err)
	}
	if _, twice := u.kinds[name]; twice {
		return refuse("it holds %s twice", shorten(name))
	}
	if parent := path.Dir(name); parent != "." && u.kinds[parent] != tar.TypeDir {
		return refuse("%s does not lie in a folder of the artifact", shorten(name))
	}
	if len(u.kinds) >= u.limits.Entries {
		return refuse("it holds more than %d entries", u.limits.Entries)
	}
	u.kinds[name] = header.Typeflag
	switch header.Typeflag {
	case tar.TypeDir:
		return onDisk("make the folder "+name, u.folder.Mkdir(name, 0o755))
	case tar.TypeSymlink:
		if err := checkLink(name, header.Linkname); err != nil {
			return refuse("%v", err)
		}
		return onDisk("make the link "+name, u.folder.Symlink(header.Linkname, name))
	case tar.TypeReg:
		return u.file(name, header, content)
	default:
		return refuse("%s is neither a file, a folder nor a link (type %q)", shorten(name), header.Typeflag)
	}
}

func (u *unpacker) file(name string, header *tar.Header, content io.Reader) error {
	if u.size += header.Size; header.Size < 0 || u.size > u.limits.Size {
		return refuse("its files are larger than %d bytes together", u.limits.Size)
	}
	mode := os.FileMode(0o644)
	if header.Mode&0o111 != 0 {
		mode = 0o755
	}
	f, err := u.folder.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return diskFault("make the file "+name, err)
	}
	u.files = append(u.files, name)
	disk := &diskWriter{w: f}
	_, err = io.Copy(disk, content)
	if disk.err == nil {
		// The umask of whoever runs us must not decide what a release can do.
		disk.err = f.Chmod(mode)
	}
	disk.err = errors.Join(disk.err, f.Close())
	if disk.err != nil {
		return diskFault("write "+name, disk.err)
	}
	if err != nil {
		return &Error{Code: CodeUnpack, Text: "read " + name + " of the artifact", cause: err}
	}
	return nil
}

// syncEach is the number of files up to which each is synced by itself; a file system with other work is not held up for their sake.
const syncEach = 64

// sync makes everything unpacked survive a power failure.
func (u *unpacker) sync() error {
	if len(u.files) > syncEach {
		if done, err := syncFileSystem(u.folder); done {
			return err
		}
	}
	for _, name := range u.files {
		if err := syncPath(u.folder, name); err != nil {
			return err
		}
	}
	for name, kind := range u.kinds {
		if kind != tar.TypeDir {
			continue
		}
		if err := syncPath(u.folder, name); err != nil {
			return err
		}
	}
	return syncPath(u.folder, ".")
}

// syncPath flushes one file or folder.
func syncPath(folder *os.Root, name string) error {
	f, err := folder.Open(name)
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return errors.Join(fmt.Errorf("sync %s: %w", name, err), f.Close())
	}
	return f.Close()
}

// diskWriter keeps the error of the disk apart from that of the reader in a copy.
type diskWriter struct {
	w   io.Writer
	err error
}

func (d *diskWriter) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	if err != nil {
		d.err = err
	}
	return n, err
}

func onDisk(doing string, err error) error {
	if err == nil {
		return nil
	}
	return diskFault(doing, err)
}
