from deployments.task import Input, Task


class DepthEstimation(Task):
    name = "depth-estimation"
    description = "Estimate how far away everything in an image is; make a depth map."
    inputs = {
        "image": Input("image"),
    }
    outputs = ("image",)
    example = {
        "image": "photo.png",
    }
    answer = "The depth map:"
    candidate = "depth-anything/Depth-Anything-V2-Small-hf"
    pipeline = "depth-estimation"
