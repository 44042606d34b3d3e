// Command interop checks a Yett log with somebody else's code.
//
// Usage: interop DIR VKEY OLD
//
// DIR holds what `yett-verify tiles` exported (checkpoint, tile/, tile/entries/) and receipts/*.tlog-proof.
// OLD is a smaller tree size; old.root holds its base64 root. golang.org/x/mod/sumdb verifies the signed note,
// every tile, every receipt, and the consistency of the two sizes. It shares no code with the writer.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// files reads tiles from the exported folder, at the heights and widths the tree of `size` has.
type files struct{ dir string }

func (f files) Height() int { return 8 }

func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, t := range tiles {
		data, err := os.ReadFile(filepath.Join(f.dir, tilePath(t)))
		if err != nil {
			return nil, err
		}
		out = append(out, data)
	}
	return out, nil
}

func (f files) SaveTiles([]tlog.Tile, [][]byte) {}

// tilePath is the tlog-tiles path: as Go's own, without the height, which is fixed to 8.
func tilePath(t tlog.Tile) string {
	return strings.Replace(t.Path(), "tile/8/", "tile/", 1)
}

func must(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

func open(text []byte, verifier note.Verifier) (tlog.Tree, error) {
	n, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	hash, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: hash}, err
}

func main() {
	dir, vkey := os.Args[1], os.Args[2]
	old, err := strconv.ParseInt(os.Args[3], 10, 64)
	must(err, "old size")
	verifier, err := note.NewVerifier(vkey)
	must(err, "verifier key")
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	must(err, "checkpoint")
	tree, err := open(text, verifier)
	must(err, "checkpoint signature")

	// Every level-0 tile from the entries themselves, then the whole tree from the tiles.
	var stored []tlog.Hash
	hashes := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, i := range indexes {
			found = append(found, stored[i])
		}
		return found, nil
	})
	var entries int64
	for start := int64(0); start < tree.N; start += 256 {
		width := int(min(256, tree.N-start))
		tile := tlog.Tile{H: 8, L: 0, N: start / 256, W: width}
		bundle, err := os.ReadFile(filepath.Join(dir, strings.Replace(tilePath(tile), "tile/0/", "tile/entries/", 1)))
		must(err, "entry bundle")
		var level []byte
		for len(bundle) > 0 {
			n := int(binary.BigEndian.Uint16(bundle))
			more, err := tlog.StoredHashes(entries, bundle[2:2+n], hashes)
			must(err, "entry")
			leaf := tlog.RecordHash(bundle[2 : 2+n])
			level = append(level, leaf[:]...)
			stored = append(stored, more...)
			bundle = bundle[2+n:]
			entries++
		}
		data, err := os.ReadFile(filepath.Join(dir, tilePath(tile)))
		must(err, "tile")
		if !bytes.Equal(level, data) {
			must(fmt.Errorf("tile %s differs from its entries", tile.Path()), "tile")
		}
	}
	root, err := tlog.TreeHash(entries, hashes)
	must(err, "tree hash")
	if entries != tree.N || root != tree.Hash {
		must(fmt.Errorf("root over %d entries is %v", entries, root), "root")
	}
	reader := tlog.TileHashReader(tree, files{dir})
	tiles := 0
	for level := 0; tree.N>>(8*level) > 0; level++ {
		count := tree.N >> (8 * level)
		for start := int64(0); start < count; start += 256 {
			index := tlog.StoredHashIndex(8*level, start)
			got, err := reader.ReadHashes([]int64{index})
			must(err, fmt.Sprintf("tile of level %d", level))
			if got[0] != stored[index] {
				must(fmt.Errorf("hash %d differs", index), "tile")
			}
			tiles++
		}
	}

	// Receipts.
	proofs, err := filepath.Glob(filepath.Join(dir, "receipts", "*.tlog-proof"))
	must(err, "receipts")
	for _, name := range proofs {
		data, err := os.ReadFile(name)
		must(err, "receipt")
		must(receipt(data, verifier), filepath.Base(name))
	}

	// Consistency of the two sizes, by Go's proof over our tiles.
	want, err := os.ReadFile(filepath.Join(dir, "old.root"))
	must(err, "old root")
	oldRoot, err := tlog.ParseHash(strings.TrimSpace(string(want)))
	must(err, "old root")
	proof, err := tlog.ProveTree(tree.N, old, reader)
	must(err, "consistency proof")
	must(tlog.CheckTree(proof, tree.N, tree.Hash, old, oldRoot), "consistency")
	ours, err := os.ReadFile(filepath.Join(dir, "consistency"))
	must(err, "our consistency proof")
	var lines []string
	for _, h := range proof {
		lines = append(lines, h.String())
	}
	if strings.Join(lines, "\n") != strings.TrimSpace(string(ours)) {
		must(fmt.Errorf("our proof is another one"), "consistency")
	}
	fmt.Printf("ok: %d entries, %d tiles, %d receipts, consistency %d to %d\n", tree.N, tiles, len(proofs), old, tree.N)
}

func receipt(data []byte, verifier note.Verifier) error {
	head, checkpoint, found := strings.Cut(string(data), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return fmt.Errorf("malformed")
	}
	line, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return err
	}
	var path tlog.RecordProof
	for _, text := range lines[3:] {
		h, err := tlog.ParseHash(text)
		if err != nil {
			return err
		}
		path = append(path, h)
	}
	tree, err := open([]byte(checkpoint), verifier)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(line))
}
