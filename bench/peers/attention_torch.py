#!/usr/bin/env python3
"""PyTorch's fused causal attention at the shapes of tests/gpu/test_twins: 32768 tokens, 768 channels, bf16.

Usage: bench/peers/attention_torch.py
Prints one line a shape and backend: median times of the forward and the backward pass, and their rates counted as
2 and 5 products of T^2 / 2 scores. Exit code 77 where there is no PyTorch or no GPU.
"""
import statistics
import sys

try:
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.nn.functional import scaled_dot_product_attention
except ImportError:
    print("skipped: no PyTorch here")
    sys.exit(77)

TOKENS, WIDTH = 32768, 768
BACKENDS = [("flash", SDPBackend.FLASH_ATTENTION), ("cudnn", SDPBackend.CUDNN_ATTENTION)]


def median_seconds(run, repeats=5, least=0.02):
    """Median of `repeats` measurements by device events, each of enough runs to last `least` seconds."""
    def measure(runs):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(runs):
            run()
        end.record()
        torch.cuda.synchronize()
        return start.elapsed_time(end) / 1e3 / runs
    for _ in range(3):
        run()
    torch.cuda.synchronize()
    runs = max(1, int(least / measure(1)))
    return statistics.median(measure(runs) for _ in range(repeats))


def time_shape(T, head, name, backend):
    shape = (TOKENS // T, WIDTH // head, T, head)
    q, k, v = (torch.randn(shape, device="cuda", dtype=torch.bfloat16, requires_grad=True) for _ in range(3))
    d_output = torch.randn(shape, device="cuda", dtype=torch.bfloat16)
    operations = 2.0 * TOKENS * WIDTH * T
    try:
        with sdpa_kernel(backend):
            forward = median_seconds(lambda: scaled_dot_product_attention(q, k, v, is_causal=True))
            output = scaled_dot_product_attention(q, k, v, is_causal=True)
            backward = median_seconds(lambda: torch.autograd.grad(output, (q, k, v), d_output, retain_graph=True))
    except RuntimeError as error:
        print(f"{name:8} T {T:5} head {head:4}  not there: {str(error).splitlines()[0]}")
        return
    print(f"{name:8} T {T:5} head {head:4}  forward {forward * 1e6:9.1f} us {operations / forward * 1e-12:7.1f} TFLOP/s"
          f"  backward {backward * 1e6:9.1f} us {2.5 * operations / backward * 1e-12:7.1f} TFLOP/s"
          f"  both {(forward + backward) * 1e6:9.1f} us")


def main():
    if not torch.cuda.is_available():
        print("skipped: PyTorch sees no GPU")
        return 77
    print(f"PyTorch {torch.__version__}, {torch.cuda.get_device_name()}")
    for T in (1024, 2048, 4096, 8192):
        for head in (64, 128):
            for name, backend in BACKENDS:
                time_shape(T, head, name, backend)
    return 0


if __name__ == "__main__":
    sys.exit(main())
