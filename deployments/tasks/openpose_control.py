from deployments.task import Input, Task


class OpenposeControl(Task):
    name = "openpose-control"
    description = "Make an image of the body poses (OpenPose skeletons)."
    inputs = {
        "image": Input("image"),
    }
    outputs = ("image",)
    example = {
        "image": "photo.png",
    }
    answer = "The pose image:"
    candidate = "usyd-community/vitpose-base-simple"
    phrases = (
        "draw the pose as a stick figure",
        "make an image of the body pose",
        "body pose of the person in the photo",
        "openpose skeleton of the image",
        "detect the pose of the dancer",
        "extract the human pose from the picture",
        "find the skeleton of the people in the image",
        "pose estimation for the photo",
        "stick figure of how the person stands",
        "what pose is the athlete in, as a skeleton",
    )
    cues = (
        r"\bopen ?pose\b",
        r"\bskeletons?\b",
        r"\bpose (?:map|image|estimation)\b",
    )
