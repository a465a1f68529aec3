"""The vector-quantised VAE: each place of a small map holds one entry of a learned codebook.

Van den Oord, Vinyals and Kavukcuoglu, "Neural discrete representation learning", 2017
(arXiv:1711.00937). The posterior puts all its weight on the nearest entry; with a uniform prior its
KL is the constant log K for each place (their section 3.1), so the loss names none. What a prior
learned afterwards, `CodePrior`, gives for log p(index) takes its place.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from vaecourse.device import evaluating
from vaecourse.errors import CourseError, check_whole
from vaecourse.shapes import check_batch, shape_or_type
from vaecourse.vae import Image, Nats, bernoulli_nll

Map = Float[Tensor, "batch code_dim rows columns"]
Codebook = Float[Tensor, "num_entries code_dim"]
Index = Int[Tensor, "batch rows columns"]


def nearest(z: Map, codebook: Codebook) -> Index:
    """At each place the number of the codebook's entry nearest to z (equation 1)."""
    check_batch("a map z", z, (codebook.shape[1], *z.shape[2:]), "a map with the entries' size")
    vectors = z.movedim(1, -1)
    distance = torch.cdist(vectors.flatten(0, -2).float(), codebook.float())
    return distance.argmin(dim=1).view(vectors.shape[:-1])


def straight_through(z: Map, entry: Map) -> Map:
    """The entry's value with z's gradient: quantising is passed over on the way back (section 3.2).

    argmin has no gradient; this one is that of z ↦ z.
    """
    return z + (entry - z).detach()


def perplexity(index: Index, num_entries: int) -> Tensor:
    """exp(−Σ q ln q) of the shares q in which the entries are used: from 1 to num_entries."""
    shares = torch.bincount(index.flatten(), minlength=num_entries) / index.numel()
    return torch.special.entr(shares).sum().exp()


class VQVAE(nn.Module):
    """An encoder to a map of vectors, a codebook, and a decoder from a map of its entries.

    `encoder` gives (batch, code_dim, rows, columns), `decoder` maps such to logits of the images'
    shape. In training an entry that no place has used for `patience` steps is put where the encoder
    is now: on a vector of that batch. With patience=0 none is.
    """

    codebook: nn.Parameter
    unused: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        num_entries: int = 64,
        code_dim: int = 16,
        patience: int = 20,
    ):
        super().__init__()
        check_whole("num_entries", num_entries, "num_entries=64")
        check_whole("code_dim", code_dim, "code_dim=16")
        check_whole("patience", patience, "patience=20", least=0)
        self.encoder, self.decoder, self.patience = encoder, decoder, patience
        self.codebook = nn.Parameter(torch.randn(num_entries, code_dim))
        # "cpu": not kept with the weights, so real though `pretrained.load` builds without memory
        self.register_buffer("unused", torch.zeros(num_entries, device="cpu"), persistent=False)

    def encode(self, x: Image) -> Index:
        return nearest(self.encoder(x), self.codebook)

    def entries(self, index: Index) -> Map:
        """The codebook's vectors at each place."""
        if not isinstance(index, Tensor) or index.dtype != torch.int64 or index.ndim != 3:
            raise CourseError(
                "expected entries' numbers as whole numbers (batch, rows, columns), got "
                f"{shape_or_type(index)}; try model.encode(x)"
            )
        return F.embedding(index, self.codebook).movedim(-1, 1)

    def decode(self, index: Index) -> Image:
        return self.decoder(self.entries(index))

    def forward(self, x: Image) -> tuple[Image, Map, Map, Index]:
        """Logits, the encoder's map, the entries nearest to it, and their numbers."""
        z = self.encoder(x)
        if self.training and self.patience:
            self.revive(z.detach())
        index = nearest(z, self.codebook)
        entry = self.entries(index)
        return self.decoder(straight_through(z, entry)), z, entry, index

    def reconstruct(self, x: Image) -> Image:
        """Images in [0, 1], of the shape of x."""
        return self.decode(self.encode(x)).sigmoid()

    @torch.no_grad()
    def revive(self, z: Map) -> None:
        """Count the steps for which each entry lay unused, and move those beyond `patience`."""
        used = torch.bincount(nearest(z, self.codebook).flatten(), minlength=len(self.codebook)) > 0
        self.unused = torch.where(used, 0, self.unused + 1)
        dead = self.unused > self.patience
        vectors = z.movedim(1, -1).flatten(0, -2)
        chosen = torch.randint(len(vectors), (len(dead),), device=z.device)
        self.codebook.copy_(torch.where(dead[:, None], vectors[chosen].float(), self.codebook))
        self.unused[dead] = 0


def vq_loss(model: VQVAE, x: Image, beta: float = 0.25) -> tuple[Nats, dict[str, Nats]]:
    """The loss of equation 3 and its terms by name: one number an image.

    recon_nll in nats; "codebook" moves the entries to the encoder's vectors, "commitment", weighed
    by `beta`, these to the entries: the same squared distance, summed over the map, with the
    gradient of one side. "perplexity" is no part of the loss: how many entries the batch uses.
    """
    logits, z, entry, index = model(x)
    recon_nll = bernoulli_nll(logits, x)
    codebook = (entry - z.detach()).square().flatten(1).sum(dim=1)
    commitment = (z - entry.detach()).square().flatten(1).sum(dim=1)
    used = perplexity(index, len(model.codebook)).expand(len(x))
    terms = {"recon_nll": recon_nll, "codebook": codebook, "commitment": commitment}
    return recon_nll + codebook + beta * commitment, terms | {"perplexity": used}


def digit_vqvae(code_dim: int = 16, num_entries: int = 64, patience: int = 20) -> VQVAE:
    """For digits: 28 × 28 pixels, 7 × 7 places; two convolutions of stride 2 each way."""
    encoder = nn.Sequential(
        nn.Conv2d(1, 32, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 64, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(64, code_dim, 1),
    )
    decoder = nn.Sequential(
        nn.Conv2d(code_dim, 64, 3, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1),
    )
    return VQVAE(encoder, decoder, num_entries, code_dim, patience)


class CodePrior(nn.Module):
    """p(index), place by place from the top left: each given all before it, by a recurrent network.

    The prior that a VQ-VAE learns afterwards, when its codes are fixed (section 3.3).
    """

    def __init__(self, num_entries: int = 64, size: tuple[int, int] = (7, 7), hidden: int = 160):
        super().__init__()
        self.size, self.num_places = size, size[0] * size[1]
        self.entry = nn.Embedding(num_entries + 1, 32)  # the last one stands before the first place
        self.place = nn.Parameter(torch.zeros(self.num_places, 32))
        self.recurrent = nn.GRU(32, hidden, batch_first=True)
        self.out = nn.Linear(hidden, num_entries)

    def forward(self, index: Index) -> Float[Tensor, "batch places num_entries"]:
        """Logits of the entry at each place, given those before it."""
        before = F.pad(index.flatten(1), (1, -1), value=self.entry.num_embeddings - 1)
        return self.out(self.recurrent(self.entry(before) + self.place)[0])

    def nll(self, index: Index) -> Nats:
        """−log p(index) in nats, of each map."""
        logits = self(index).movedim(-1, 1)
        return F.cross_entropy(logits, index.flatten(1), reduction="none").sum(dim=1)

    def sample(self, num_maps: int) -> Index:
        """Maps drawn from p(index), one place after the other."""
        check_whole("num_maps", num_maps, "num_maps=10", least=0)
        device = self.place.device
        last = torch.full((num_maps, 1), self.entry.num_embeddings - 1, device=device)
        state, drawn = None, []
        with evaluating(self):
            for place in self.place:
                hidden, state = self.recurrent(self.entry(last) + place, state)
                last = torch.multinomial(self.out(hidden[:, 0]).softmax(dim=1), 1)
                drawn.append(last)
        return torch.cat(drawn, dim=1).view(num_maps, *self.size).clone()


class CodeLoss(nn.Module):
    """The objective of a CodePrior: −log p(index) of the maps that a frozen VQ-VAE gives for x."""

    def __init__(self, vqvae: VQVAE):
        super().__init__()
        self.vqvae = vqvae.eval().requires_grad_(False)

    def forward(self, prior: CodePrior, x: Image) -> tuple[Nats, dict[str, Nats]]:
        code_nll = prior.nll(self.vqvae.encode(x))
        return code_nll, {"code_nll": code_nll}
