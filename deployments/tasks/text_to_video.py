from deployments.task import Input, Task


class TextToVideo(Task):
    name = "text-to-video"
    description = "Make a video from a description."
    inputs = {
        "text": Input("text"),
    }
    outputs = ("video",)
    example = {
        "text": "a rocket landing on mars",
    }
    answer = "The video made:"
    candidate = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
