#!/usr/bin/env python3
"""A training step of GPT-2 124M in PyTorch: torch.compile, bf16 autocast, fused attention and fused AdamW.

Usage: bench/peers/gpt2_torch.py [--batch 32] [--context 1024] [--steps 20] [--symbols 50257] [--dropout 0]
       [--no-compile]
Prints tokens a second, the median time of a step, the rate by 6 N + 12 L C T operations a token, and the peak of
allocated memory. The model is the one of models/transformer.c: tied head, biases, GELU in its tanh form, normal(0.02).
Exit code 77 where there is no PyTorch or no GPU.
"""
import argparse
import statistics
import sys
import time

try:
    import torch
    from torch import nn
    from torch.nn import functional
except ImportError:
    print("skipped: no PyTorch here")
    sys.exit(77)


class Block(nn.Module):
    def __init__(self, width, heads, dropout):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.attention_norm, self.feed_forward_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (part.view(B, T, self.heads, C // self.heads).transpose(1, 2)
                   for part in self.query_key_value(self.attention_norm(x)).split(C, dim=2))
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + functional.dropout(self.projection(y.transpose(1, 2).reshape(B, T, C)), self.dropout)
        y = functional.gelu(self.up(self.feed_forward_norm(x)), approximate="tanh")
        return x + functional.dropout(self.down(y), self.dropout)


class Transformer(nn.Module):
    def __init__(self, symbols, context, width=768, layers=12, heads=12, dropout=0.0):
        super().__init__()
        self.dropout = dropout
        self.tokens, self.positions = nn.Embedding(symbols, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens, targets):
        x = self.tokens(tokens) + self.positions.weight[:tokens.shape[1]]
        x = functional.dropout(x, self.dropout)
        for block in self.blocks:
            x = block(x)
        logits = functional.linear(self.norm(x), self.tokens.weight)
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--context", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--symbols", type=int, default=50257)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--no-compile", action="store_true")
    return parser.parse_args()


def main():
    given = options()
    if not torch.cuda.is_available():
        print("skipped: PyTorch sees no GPU")
        return 77
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = True
    model = Transformer(given.symbols, given.context, dropout=given.dropout).cuda()
    parameters = sum(parameter.numel() for parameter in model.parameters())
    optimiser = torch.optim.AdamW(model.parameters(), lr=6e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    run = model if given.no_compile else torch.compile(model)
    data = torch.randint(given.symbols, (given.batch, given.context + 1), device="cuda")
    seconds = []
    for step in range(given.steps + 5):
        torch.cuda.synchronize()
        start = time.perf_counter()
        with torch.autocast("cuda", dtype=torch.bfloat16):
            loss = run(data[:, :-1], data[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        if step >= 5:  # the first ones compile
            seconds.append(time.perf_counter() - start)
    median, tokens = statistics.median(seconds), given.batch * given.context
    operations = tokens * (6 * parameters + 12 * 12 * 768 * given.context)
    print(f"PyTorch {torch.__version__}, {torch.cuda.get_device_name()}: GPT-2, {parameters} parameters, "
          f"batch {given.batch} x {given.context}, {'eager' if given.no_compile else 'compiled'}")
    print(f"{tokens / median:.0f} tokens/s, step {median * 1e3:.2f} ms ({min(seconds) * 1e3:.2f} to "
          f"{max(seconds) * 1e3:.2f}), {operations / median * 1e-12:.1f} TFLOP/s, peak "
          f"{torch.cuda.max_memory_allocated() / 2**30:.2f} GiB, last loss {loss.item():.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
