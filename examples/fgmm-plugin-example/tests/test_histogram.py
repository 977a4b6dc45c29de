from PIL import Image

from fgmm import check_encoder, encoder_names, load_encoder


def test_fgmm_finds_it_by_name():
    assert "histogram" in encoder_names()


def test_it_keeps_the_protocols_promises():
    check_encoder(load_encoder("histogram"))


def test_it_names_a_colour():
    encoder = load_encoder("histogram")
    picture = encoder.encode_images([Image.new("RGB", (32, 32), (20, 20, 230))])
    texts = encoder.encode_texts(["a red box", "a blue box", "a box"])
    assert picture.cosine(texts).argmax(dim=1).tolist() == [1]
