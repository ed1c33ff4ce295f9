package dbtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// errNoPostgres means that this machine has no PostgreSQL to test with.
var errNoPostgres = errors.New("no PostgreSQL here: install it (Debian: postgresql) or put initdb and postgres on PATH")

// shared is the test binary's cluster. It is made by the first test that asks, for starting one takes a second or two.
var shared = sync.OnceValues(start)

// cluster is a running PostgreSQL.
type cluster struct {
	dir   string
	stdin io.WriteCloser // held open: the cluster ends when it closes, at the latest with this process
}

// keeper runs the cluster as long as its standard input is open, then stops it and removes its folder.
const keeper = `"$1/postgres" -D "$2/data" -c listen_addresses= -c unix_socket_directories="$2" -c max_connections=200 -c shared_buffers=16MB \
	-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c autovacuum=off -c jit=off >>"$2/log" 2>&1 </dev/null &
read -r _
kill -INT $!
wait $!
cd / && rm -rf "$2"`

func start() (*cluster, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "slipway-pg-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for PostgreSQL: %w", err)
	}
	attr, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = attr, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make a PostgreSQL cluster in %s: %w\n%s", dir, err, out)
	}
	run := exec.Command("/bin/sh", "-c", keeper, "sh", bin, dir)
	run.SysProcAttr, run.Dir = attr, dir
	c := &cluster{dir: dir}
	if c.stdin, err = run.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	if err := run.Start(); err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return c, c.waitReady()
}

// programs finds the folder of initdb and postgres.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(real), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errNoPostgres
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// unprivileged gives dir to a user other than root where the tests run as root, since PostgreSQL refuses that. The cluster gets a process group of its own, so that
// it does not see the terminal's ctrl-C before the tests are done with it.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() != 0 {
		return attr, nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root: %w", err)
	}
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return nil, fmt.Errorf("read the user nobody: %w", err)
	}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		return nil, fmt.Errorf("give PostgreSQL its folder: %w", err)
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, nil
}

func (c *cluster) url(name string) string {
	return (&url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + name, RawQuery: url.Values{"host": {c.dir}}.Encode()}).String()
}

func (c *cluster) waitReady() error {
	pool, err := sql.Open("pgx", c.url("postgres"))
	if err != nil {
		return fmt.Errorf("open PostgreSQL: %w", err)
	}
	defer pool.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		if err = pool.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			text, _ := os.ReadFile(filepath.Join(c.dir, "log")) // only adds to the error
			return fmt.Errorf("PostgreSQL did not start: %w\n%s", err, text)
		}
	}
}

// create makes an empty database. It stays until the cluster goes.
func (c *cluster) create(ctx context.Context) (string, error) {
	pool, err := sql.Open("pgx", c.url("postgres"))
	if err != nil {
		return "", fmt.Errorf("open PostgreSQL: %w", err)
	}
	defer pool.Close()
	name := "test_" + strings.ToLower(rand.Text())
	if _, err := pool.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("make a database for the test: %w", err)
	}
	return c.url(name), nil
}
