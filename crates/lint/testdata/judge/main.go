// What BuildKit's own parser makes of build files: JSON lines of {"text"} in, the same with its answer out.
//
//	go mod tidy && go run . < ../parser.jsonl > new && mv new ../parser.jsonl
//	go run . FILE… > corpus.jsonl
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

type file struct {
	Text  string `json:"text"`
	Error string `json:"error"`
	Nodes []node `json:"nodes"`
}

type node struct {
	Name     string   `json:"name"`
	Flags    []string `json:"flags"`
	Args     []string `json:"args"`
	JSON     bool     `json:"json"`
	First    int      `json:"first"`
	Last     int      `json:"last"`
	Heredocs []string `json:"heredocs"`
	Trigger  *node    `json:"trigger,omitempty"`
}

func read(n *parser.Node) node {
	out := node{
		Name: n.Value, Flags: append([]string{}, n.Flags...), Args: []string{}, JSON: n.Attributes["json"],
		First: n.StartLine, Last: n.EndLine, Heredocs: []string{},
	}
	for next := n.Next; next != nil; next = next.Next {
		if len(next.Children) == 1 {
			trigger := read(next.Children[0])
			out.Trigger = &trigger
		} else {
			out.Args = append(out.Args, next.Value)
		}
	}
	for _, heredoc := range n.Heredocs {
		out.Heredocs = append(out.Heredocs, heredoc.Name+"\n"+heredoc.Content)
	}
	return out
}

func judge(text string) file {
	out := file{Text: text, Nodes: []node{}}
	result, err := parser.Parse(bytes.NewReader([]byte(text)))
	if err == nil {
		for _, child := range result.AST.Children {
			out.Nodes = append(out.Nodes, read(child))
		}
		_, _, err = instructions.Parse(result.AST, nil)
	}
	if err != nil {
		out.Error = err.Error()
	}
	return out
}

func main() {
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for _, name := range os.Args[1:] {
		text, err := os.ReadFile(name)
		if err != nil {
			panic(err)
		}
		_ = out.Encode(judge(string(text)))
	}
	if len(os.Args) > 1 {
		return
	}
	in := json.NewDecoder(bufio.NewReader(os.Stdin))
	for {
		var asked file
		if err := in.Decode(&asked); err == io.EOF {
			return
		} else if err != nil {
			panic(err)
		}
		_ = out.Encode(judge(asked.Text))
	}
}
