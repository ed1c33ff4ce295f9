package worker

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/shard"
)

// sizes gives the bytes of each listed unit's test sources, as the commit has them: the server plans by them what it has never seen run. It is a hint, so that nothing
// comes of it when it cannot be had: nil.
func (j *job) sizes(ctx context.Context, listed []string) []int64 {
	if len(listed) < 2 || len(listed) > shard.MaxListed {
		return nil
	}
	s := shard.NewSizes(listed)
	if err := j.files(ctx, s.Add); err != nil {
		if ctx.Err() == nil {
			j.Logger.Warn("the sizes of tests are not known", "error", err)
		}
		return nil
	}
	return s.Result()
}

// files shows all files of the commit with their sizes. Links and submodules have none.
func (j *job) files(ctx context.Context, show func(path string, bytes int64)) error {
	cmd := exec.CommandContext(ctx, "git", "ls-tree", "-r", "-z", "--long", "--full-tree", j.lease.Commit)
	// In the mirror, not in the checkout: what commands can write there, git would believe.
	cmd.Dir, cmd.Env, cmd.WaitDelay = j.mirrors.of(j.lease.App).dir, gitEnviron(j.path("mirrors"), nil), time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("list the files of a commit: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("list the files of a commit: %w", err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(make([]byte, 0, 4<<10), 64<<10)
	lines.Split(untilNUL)
	for lines.Scan() {
		about, path, _ := bytes.Cut(lines.Bytes(), []byte("\t")) // <mode> <type> <object> <size, padded> TAB <path>
		fields := bytes.Fields(about)
		if len(fields) != 4 || !bytes.HasPrefix(fields[0], []byte("100")) {
			continue
		}
		if n, err := strconv.ParseInt(string(fields[3]), 10, 64); err == nil {
			show(string(path), n)
		}
	}
	err = lines.Err()
	if err != nil {
		_ = out.Close() // so that it ends
	}
	if ended := cmd.Wait(); err == nil {
		err = ended
	}
	if err != nil {
		return fmt.Errorf("list the files of a commit: %w", err)
	}
	return nil
}

// untilNUL splits at zero bytes.
func untilNUL(data []byte, end bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return i + 1, data[:i], nil
	}
	if end && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}
